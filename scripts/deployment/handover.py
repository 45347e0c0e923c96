"""What has to be entered elsewhere once the stack is there."""

from .console import say
from .settings import Settings


def lines(settings: Settings, outputs: dict[str, str]) -> list[str]:
    """One line for each thing to enter, with where."""
    told = [
        "Douyin, https://developer.open-douyin.com, the app, callback address, character by character:",
        f"  {outputs['DouyinRedirectUrl']}",
        "Douyin, the app, webhook address:",
        f"  {outputs['DouyinWebhookUrl']}",
    ]
    if settings.value("GatewayWebhookSecret"):
        told += ["the gateway, setCallback, followed by GatewayWebhookSecret:", f"  {outputs['GatewayWebhookUrl']}"]
    else:
        told += ["the gateway: nothing, because GatewayWebhookSecret is not set; devices that go offline are found by checks"]
    if "EgressAddress" in outputs:
        told += ["WeCom, the provider's console, trusted addresses:", f"  {outputs['EgressAddress']}"]
    elif settings.value("EgressSubnetIds"):
        told += ["WeCom, the provider's console, trusted addresses: the elastic IP of the NAT gateway of EgressSubnetIds"]
    elif settings.value("EgressProxyUrl"):
        told += ["WeCom, the company's app, 企业可信 IP: the address of the proxy EgressProxyUrl"]
    else:
        told += ["WeCom, each company's app, 企业可信 IP: the address of that company's own proxy"]
    if "DomainTarget" in outputs:
        told += [f"DNS, a CNAME record of {settings.value('DomainName')}:", f"  {outputs['DomainTarget']}"]
    if settings.value("AlarmEmail"):
        told += ["mail: confirm the two subscriptions that AWS has sent to AlarmEmail"]
    return [*told, "Each step is in docs/operations.md#what-to-enter-where"]


def tell(settings: Settings, outputs: dict[str, str]) -> None:
    say("\nTo be entered, once:")
    for line in lines(settings, outputs):
        say(line)
