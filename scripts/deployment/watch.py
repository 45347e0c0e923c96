"""Watching an update: while the alarm `<stack>-release` rings, CloudFormation takes the update back by itself, during it and for
some minutes after it."""

from .aws import Aws
from .console import say

# CloudFormation watches what it was told last, unless it is told something else.
NOTHING = {"RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}}


def rollback_configuration(aws: Aws, stack: str, minutes: int) -> dict:
    """What CloudFormation is told to watch. Nothing when the alarm is not there, which an older release has not made, or rings
    already: then this update may be what mends it."""
    if not minutes:
        return NOTHING
    name = f"{stack}-release"
    found = aws.call("cloudwatch", "describe-alarms", AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    alarm = next(iter(found.get("CompositeAlarms", [])), None)
    if alarm is None:
        say(f"the update is not watched: there is no alarm {name} yet")
        return NOTHING
    if alarm["StateValue"] == "ALARM":
        say(f"the update is not watched: {name} rings already ({alarm.get('StateReason', 'no reason given')})")
        return NOTHING
    say(f"the update is taken back if {name} rings until {minutes} minutes after it")
    trigger = {"Arn": alarm["AlarmArn"], "Type": "AWS::CloudWatch::CompositeAlarm"}
    return {"RollbackConfiguration": {"RollbackTriggers": [trigger], "MonitoringTimeInMinutes": minutes}}
