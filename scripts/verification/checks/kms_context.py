"""Whether the key opens a token only for whoever names the table it is stored in."""

import base64
import tempfile
from contextlib import ExitStack

from deployment.aws import AwsError

from ..stack import Failed, Stack

OWN = "t_douyin_auth"
OTHER = "t_wechat_corp"
PLAIN = b"scripts/verify"


def check(stack: Stack, _: ExitStack) -> str:
    key = stack.outputs["TokenKeyId"]
    sealed = _kms(stack, "encrypt", "--plaintext", PLAIN, OWN, "--key-id", key)["CiphertextBlob"]
    opened = _kms(stack, "decrypt", "--ciphertext-blob", base64.b64decode(sealed), OWN)
    if base64.b64decode(opened["Plaintext"]) != PLAIN:
        raise Failed("what was encrypted is not what is decrypted")
    try:
        _kms(stack, "decrypt", "--ciphertext-blob", base64.b64decode(sealed), OTHER)
    except AwsError as refused:
        if refused.code != "InvalidCiphertextException":
            raise
    else:
        raise Failed("the key opens a token for another table than the one it was sealed for")
    return "refused for another table"


def _kms(stack: Stack, operation: str, option: str, content: bytes, table: str, *words: str) -> dict:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return stack.aws.command(
            "kms", operation, option, f"fileb://{file.name}", "--encryption-context", f"table={table}", *words
        )
