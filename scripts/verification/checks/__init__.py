"""The checks by name, in the order in which they are run. Each takes the stack and whatever has to be undone, and answers what
it has seen, or raises `Failed`."""

from . import alarm_mail, cold_start, import_warnings, kms_context, lateness, metric, preflights, role_rights, rollback

ALL = {
    "import-warnings": import_warnings.check,
    "preflights": preflights.check,
    "kms-context": kms_context.check,
    "role-rights": role_rights.check,
    "metric": metric.check,
    "alarm-mail": alarm_mail.check,
    "lateness": lateness.check,
    "cold-start": cold_start.check,
    "rollback": rollback.check,
}
