// A receiver of our webhooks verifies them with the library that Standard Webhooks publishes for Node: it accepts the signatures of
// shared/webhooks/tests/vectors.json, which are those that we send, and none that was made for anything else. Started by client/run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const root = process.argv[2];
assert(root, 'the checkout is the first argument');

interface Vector {
  about: string;
  secrets: string[];
  id: string;
  timestamp: number;
  body: string;
  signature: string;
}
const vectors = JSON.parse(readFileSync(`${root}/shared/webhooks/tests/vectors.json`, 'utf8')) as Vector[];
assert(vectors.length > 0, 'there are vectors');

/** The length of the tolerance, in seconds. */
const TOLERANCE = 300;
const ANOTHER_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** Verifies so many seconds after it was sent; the library asks `Date`. */
function verify(secret: string, { id, timestamp, body, signature }: Vector, later = 0): unknown {
  mock.timers.enable({ apis: ['Date'], now: (timestamp + later) * 1000 });
  try {
    const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    return new Webhook(secret).verify(body, headers);
  } finally {
    mock.timers.reset();
  }
}

for (const vector of vectors) {
  test(`webhook is verified: ${vector.about}`, () => {
    for (const secret of vector.secrets) {
      for (const later of [-TOLERANCE, 0, TOLERANCE]) {
        assert.deepEqual(verify(secret, vector, later), JSON.parse(vector.body));
      }
    }
  });

  test(`webhook that was changed is refused: ${vector.about}`, () => {
    const [secret] = vector.secrets;
    assert(secret);
    const refused = { name: WebhookVerificationError.name, message: 'No matching signature found' };
    assert.throws(() => verify(secret, { ...vector, body: `${vector.body} ` }), refused);
    assert.throws(() => verify(secret, { ...vector, id: `${vector.id}0` }), refused);
    assert.throws(() => verify(secret, { ...vector, timestamp: vector.timestamp + 1 }), refused);
    assert.throws(() => verify(ANOTHER_SECRET, vector), refused);
    assert.throws(() => verify(secret, vector, TOLERANCE + 1), { message: 'Message timestamp too old' });
  });
}
