"""What is masked in texts that leave the machine, and what is not."""

import json
from pathlib import Path

import pytest

from sitsflow.run.redaction import Redactor

HOME = Path("/home/ann")
ENVIRONMENT = {
    "PREFECT_API_KEY": "pnu_0123456789",
    "DB_PASSWORD": "abcd",
    "QUOTED_SECRET": 'it\'s "so"\nlong',
    "CLUSTER_QUEUE": "gold-queue-7",
    "SERVER": "http://10.0.0.7:4200/api",
    "DATA": "/data/products:/data/more",
    "PWD": "/data/work",
    "LEVEL": "interpolated",
    "SHORT": "abc-def",
    "DAY": "2018-01-01",
}


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(ENVIRONMENT, HOME)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # values of variables
        ("key pnu_0123456789.", "key <PREFECT_API_KEY>."),
        ("abcd, not abcde", "<DB_PASSWORD>, not abcde"),
        ('it\'s "so"\nlong', "<QUOTED_SECRET>"),
        (f"got {ENVIRONMENT['QUOTED_SECRET']!r}", "got '<QUOTED_SECRET>'"),
        ("queue gold-queue-7", "queue <CLUSTER_QUEUE>"),
        ("at http://10.0.0.7:4200/api", "at <SERVER>"),
        # addresses
        ("https://u:p@h.org/x", "https://***@h.org/x"),
        ("https://u:p/q@r@h.org", "https://***@h.org"),
        ("postgresql+asyncpg://u:p@h:5432/d", "postgresql+asyncpg://***@h:5432/d"),
        (
            "/vsicurl/https://h.org/a.tif?X-Sig=ab%2F&e=1 end",
            "/vsicurl/https://h.org/a.tif?*** end",
        ),
        # names that say so
        ("password=hunter2", "password=***"),
        ("AWS_SECRET_ACCESS_KEY=ab/cd+ef==", "AWS_SECRET_ACCESS_KEY=***"),
        ("{'api_key': 'a b', 'x': 1}", "{'api_key': '***', 'x': 1}"),
        (r'"{\"token\": \"a\\\"b\"}"', r'"{\"token\": \"***\"}"'),
        ('connect(passphrase="a \\"b\\" c", port=1)', 'connect(passphrase="***", port=1)'),
        ("  my_password: two words\nnext: line", "  my_password: ***\nnext: line"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("sent bearer abcdefghijk now", "sent bearer *** now"),
        # keys known by their form
        ("pnb_abcdefgh1234", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "***"),
        # the home folder
        ("/home/ann/data/x.tif", "~/data/x.tif"),
        ("'/home/ann'", "'~'"),
        ("/scratch/ann/run", "/scratch/~/run"),
    ],
)
def test_secrets_and_home_are_masked(redactor: Redactor, text: str, wanted: str) -> None:
    assert redactor.text(text) == wanted
    assert redactor.masked == (0 if "~" in wanted else 1)


@pytest.mark.parametrize(
    "text",
    [
        "/data/products/T31TCJ, /data/work/out, 2018-01-01: interpolated, abc-def",
        "write_features T31TCJ 3 done in 1.2 s, peak RAM 300 MB",
        "unexpected token",
        "tcp://127.0.0.1:8786 and http://127.0.0.1:4200/runs",
        "/home/anna/x and /homes/ann.tif and ann",
        "passed: 3, path_key: s2_path, keys: [1, 2]",
        "File \"mine.py\", line 3, in f\n    raise ValueError('too wet: 3')",
    ],
)
def test_other_text_stays(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text
    assert redactor.masked == 0


def test_json_stays_json(redactor: Redactor) -> None:
    document = {
        "root": "/home/ann/s2",
        "kwargs": {
            "api_key": 'a"b',
            "pin_token": 12,
            "n": 3,
            "secret": None,
            "list": ["https://u:p@h"],
        },
        "passwords": ["one", "two"],
        "none": float("nan"),
    }
    masked = json.loads(redactor.json(json.dumps(document)))
    assert masked.pop("none") != 0
    assert masked == {
        "root": "~/s2",
        "kwargs": {
            "api_key": "***",
            "pin_token": "***",
            "n": 3,
            "secret": None,
            "list": ["https://***@h"],
        },
        "passwords": "***",
    }
    assert redactor.masked == 4
    assert redactor.json("half { of 'token': 'x'") == "half { of 'token': '***'"


def test_it_reads_the_environment_and_home_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "something-private")
    monkeypatch.setenv("HOME", "/home/bob")
    assert Redactor().text("/home/bob: something-private") == "~: <MY_TOKEN>"
