"""Whether an alarm reaches somebody: sets one to ALARM by hand, and looks whether its topic was told and has confirmed
subscribers. That the mail is in the mailbox only its owner can see."""

from contextlib import ExitStack
from datetime import datetime, timezone

from ..stack import Failed, Stack, wait_for

ALARM = "WechatHealthCheckerSilentAlarm"
PATIENCE = 60


def check(stack: Stack, cleanup: ExitStack) -> str:
    topic = stack.outputs["TicketTopicArn"]
    subscriptions = stack.aws.call("sns", "list-subscriptions-by-topic", TopicArn=topic)["Subscriptions"]
    confirmed = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"].startswith("arn:")]
    if not confirmed:
        raise Failed("nobody is subscribed to the topic of alarms, or nobody has confirmed: set AlarmEmail, confirm its mails")
    alarm = stack.resources[ALARM]
    begun = datetime.now(timezone.utc)
    before = stack.aws.call("cloudwatch", "describe-alarms", AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]
    reason = "scripts/verify tries whether alarms arrive"

    def set_state(state: str) -> None:
        stack.aws.call("cloudwatch", "set-alarm-state", AlarmName=alarm, StateValue=state, StateReason=reason)

    if before == "ALARM":
        raise Failed(f"{ALARM} rings already; mend that first")
    cleanup.callback(set_state, before)
    set_state("ALARM")

    def told() -> bool:
        history = stack.aws.call(
            "cloudwatch", "describe-alarm-history", AlarmName=alarm, HistoryItemType="Action", StartDate=begun.isoformat(),
            EndDate=datetime.now(timezone.utc).isoformat(),
        )
        return any(topic in one["HistoryData"] for one in history["AlarmHistoryItems"])

    wait_for("action of the alarm", PATIENCE, told)
    return f"sent to {', '.join(confirmed)}; look for the mail about {ALARM}, and for the one that says it is over"
