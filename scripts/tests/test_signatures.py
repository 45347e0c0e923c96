"""A receiver of our webhooks verifies them with the library that Standard Webhooks publishes for Python: it accepts the
signatures of shared/webhooks/tests/vectors.json, which are those that we send, and none that was made for anything else."""

import base64
import json
import unittest
from datetime import UTC, datetime, timedelta
from unittest import mock

from rig import ROOT
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

VECTORS = json.loads((ROOT / "shared/webhooks/tests/vectors.json").read_text(encoding="utf-8"))
TOLERANCE = timedelta(minutes=5)
ANOTHER_SECRET = "whsec_" + base64.b64encode(bytes([7] * 32)).decode()


def verify(secret: str, vector: dict, later: timedelta = timedelta()) -> object:
    """Verifies so long after it was sent; the library asks its `datetime`."""
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    now = datetime.fromtimestamp(vector["timestamp"], tz=UTC) + later
    with mock.patch("standardwebhooks.webhooks.datetime", wraps=datetime) as clock:
        clock.now.side_effect = lambda tz: now.astimezone(tz)
        return Webhook(secret).verify(vector["body"].encode(), headers)


class Signatures(unittest.TestCase):
    def test_webhook_is_verified_with_each_secret_that_signed_it(self):
        self.assertTrue(VECTORS)
        for vector in VECTORS:
            for secret in vector["secrets"]:
                for later in (-TOLERANCE, timedelta(), TOLERANCE):
                    with self.subTest(vector["about"], later=later):
                        self.assertEqual(verify(secret, vector, later), json.loads(vector["body"]))

    def test_webhook_that_was_changed_is_refused(self):
        for vector in VECTORS:
            secret = vector["secrets"][0]
            for what, used, changed in (
                ("body", secret, {"body": vector["body"] + " "}),
                ("id", secret, {"id": vector["id"] + "0"}),
                ("time", secret, {"timestamp": vector["timestamp"] + 1}),
                ("secret", ANOTHER_SECRET, {}),
            ):
                refused = self.assertRaisesRegex(WebhookVerificationError, "^No matching signature found$")
                with self.subTest(vector["about"], what=what), refused:
                    verify(used, vector | changed)

    def test_webhook_that_is_old_is_refused(self):
        for vector in VECTORS:
            with self.assertRaisesRegex(WebhookVerificationError, "^Message timestamp too old$"):
                verify(vector["secrets"][0], vector, TOLERANCE + timedelta(seconds=1))


if __name__ == "__main__":
    unittest.main()
