"""What a function of ours does for its first event, as one would write it in Python: the secret at init, then the token
checked, then one query, or one put and one message. The loop that asks Lambda for events is as short as can be.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import time

import boto3

env = os.environ
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def caller(authorization, secret):
    header, claims, signature = authorization.removeprefix("Bearer ").split(".")
    if json.loads(decoded(header))["alg"] != "HS256":
        raise ValueError("algorithm")
    expected = hmac.digest(secret.encode(), f"{header}.{claims}".encode(), hashlib.sha256)
    if not hmac.compare_digest(expected, decoded(signature)):
        raise ValueError("signature")
    claims = json.loads(decoded(claims))
    if claims["exp"] < time.time():
        raise ValueError("expired")
    return str(claims["userId"])


def leads(user):
    answer = dynamodb.query(
        TableName=env["TABLE_PREFIX"] + "t_douyin_lead",
        KeyConditionExpression="lead_bucket = :bucket",
        ExpressionAttributeValues={":bucket": {"S": f"{user}#0"}},
        ScanIndexForward=False,
        Limit=20,
    )
    rows = answer["Items"]
    return 200, [{"leadId": row["lead_id"]["N"], "nickname": row.get("nickname", {}).get("S")} for row in rows]


def sync(user, body):
    task = str(time.time_ns())
    account = json.loads(body)["douyinUserId"]
    dynamodb.put_item(
        TableName=env["TABLE_PREFIX"] + "t_douyin_sync_task",
        Item={"task_id": {"N": task}, "user_id": {"N": user}, "douyin_user_id": {"S": account}},
        ConditionExpression="attribute_not_exists(task_id)",
    )
    sqs.send_message(QueueUrl=env["FAN_SYNC_QUEUE_URL"], MessageBody=json.dumps({"taskId": task}))
    return 202, {"taskId": task}


def main():
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=env["PLATFORM_SECRET_ID"])
    secret = json.loads(secret["SecretString"])["jwtSecret"]
    runtime = http.client.HTTPConnection(env["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        runtime.request("GET", f"{base}/next")
        answer = runtime.getresponse()
        request_id = answer.headers["lambda-runtime-aws-request-id"]
        event = json.loads(answer.read())
        user = caller(event["headers"]["authorization"], secret)
        is_get = event["requestContext"]["http"]["method"] == "GET"
        status, data = leads(user) if is_get else sync(user, event["body"])
        body = json.dumps({"code": status, "data": data})
        response = {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}
        runtime.request("POST", f"{base}/{request_id}/response", json.dumps(response))
        runtime.getresponse().read()


main()
