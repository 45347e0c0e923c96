"""Whether API Gateway took the API's definition as it was meant: it can drop what it does not like, and say so nowhere else."""

from contextlib import ExitStack

from ..stack import Failed, Stack


def check(stack: Stack, _: ExitStack) -> str:
    api = stack.aws.call("apigatewayv2", "get-api", ApiId=stack.resources["HttpApi"])
    said = [*api.get("ImportInfo", []), *api.get("Warnings", [])]
    if said:
        raise Failed("; ".join(said))
    allowed = api.get("CorsConfiguration", {}).get("AllowOrigins", [])
    if sorted(allowed) != sorted(stack.origins):
        raise Failed(f"the API allows the origins {allowed}, and the stack was given {stack.origins}")
    routes = stack.aws.call("apigatewayv2", "get-routes", ApiId=stack.resources["HttpApi"])["Items"]
    declared = sum(1 for name in stack.resources if name.endswith("RoutePermission"))
    if len(routes) != declared:
        raise Failed(f"the API has {len(routes)} routes, and the template declares {declared}")
    return f"no warnings, {declared} routes, the origins of the stack"
