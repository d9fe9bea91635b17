"""An S3 service on loopback, for a test: the real protocol, spoken by moto's server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

BUCKET = "songs"


class Storage:
    """One bucket, and what lies in it."""

    def __init__(self, url: str) -> None:
        import boto3

        self.url = url
        self.client = boto3.client("s3", endpoint_url=url)

    @property
    def objects(self) -> list[str]:
        """The keys of all objects."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """A storage with an empty bucket, where ``s3://`` leads in this test."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "the-secret-of-this-test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    storage = Storage(f"http://{host}:{port}")
    storage.client.create_bucket(Bucket=BUCKET)
    yield storage
    storage.client.delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in storage.objects] or [{"Key": "x"}]}
    )
    storage.client.delete_bucket(Bucket=BUCKET)
    server.stop()
