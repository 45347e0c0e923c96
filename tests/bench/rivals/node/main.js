// What a function of ours does for its first event, as one would write it in Node: the secret at init, then the token
// checked, then one query, or one put and one message. The loop that asks Lambda for events is as short as can be.
'use strict';
const { createHmac, timingSafeEqual } = require('node:crypto');
const http = require('node:http');
const { DynamoDBClient, PutItemCommand, QueryCommand } = require('@aws-sdk/client-dynamodb');
const { GetSecretValueCommand, SecretsManagerClient } = require('@aws-sdk/client-secrets-manager');
const { SendMessageCommand, SQSClient } = require('@aws-sdk/client-sqs');

const env = process.env;
const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

function caller(authorization, secret) {
  const [header, claims, signature] = (authorization ?? '').replace(/^Bearer /, '').split('.');
  const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  if (decode(header).alg !== 'HS256') throw new Error('algorithm');
  const expected = createHmac('sha256', secret).update(`${header}.${claims}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, 'base64url'))) throw new Error('signature');
  const { exp, userId } = decode(claims);
  if (exp * 1000 < Date.now()) throw new Error('expired');
  return String(userId);
}

async function list(user) {
  const answer = await dynamodb.send(new QueryCommand({
    TableName: `${env.TABLE_PREFIX}t_douyin_lead`,
    KeyConditionExpression: 'lead_bucket = :bucket',
    ExpressionAttributeValues: { ':bucket': { S: `${user}#0` } },
    ScanIndexForward: false,
    Limit: 20,
  }));
  return [200, answer.Items.map((row) => ({ leadId: row.lead_id.N, nickname: row.nickname?.S }))];
}

async function sync(user, body) {
  const taskId = String(process.hrtime.bigint());
  await dynamodb.send(new PutItemCommand({
    TableName: `${env.TABLE_PREFIX}t_douyin_sync_task`,
    Item: { task_id: { N: taskId }, user_id: { N: user }, douyin_user_id: { S: JSON.parse(body).douyinUserId } },
    ConditionExpression: 'attribute_not_exists(task_id)',
  }));
  const message = { QueueUrl: env.FAN_SYNC_QUEUE_URL, MessageBody: JSON.stringify({ taskId }) };
  await sqs.send(new SendMessageCommand(message));
  return [202, { taskId }];
}

const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true });

function runtime(method, path, body) {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` };
    http.request(options, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve([answer.headers, Buffer.concat(parts).toString()]));
    }).on('error', reject).end(body);
  });
}

async function main() {
  const secrets = new SecretsManagerClient({});
  const answer = await secrets.send(new GetSecretValueCommand({ SecretId: env.PLATFORM_SECRET_ID }));
  const { jwtSecret } = JSON.parse(answer.SecretString);
  for (;;) {
    const [headers, text] = await runtime('GET', 'next');
    const event = JSON.parse(text);
    const user = caller(event.headers.authorization, jwtSecret);
    const isGet = event.requestContext.http.method === 'GET';
    const [statusCode, data] = isGet ? await list(user) : await sync(user, event.body);
    const body = JSON.stringify({ code: statusCode, data });
    const response = { statusCode, headers: { 'content-type': 'application/json' }, body };
    await runtime('POST', `${headers['lambda-runtime-aws-request-id']}/response`, JSON.stringify(response));
  }
}

main();
