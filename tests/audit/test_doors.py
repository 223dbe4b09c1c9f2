"""The log over HTTP: public hashes, private entries, pages in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from audit import access, keys, merkle, offline, public
from audit.models import Entry
from audit.note import Checkpoint
from audit.proof import Proof
from tests.audit import slow_tree
from tests.audit.conftest import bulk, write

pytestmark = [
    pytest.mark.django_db(databases="__all__", transaction=True),
    pytest.mark.urls("tests.audit.urls"),
]
Run = Callable[..., int]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[UUID]]:
    """Organisations that the caller may read; empty for a stranger."""
    organisations: set[UUID] = set()
    monkeypatch.setattr(access, "_reader", lambda request: frozenset(organisations))
    yield organisations


@pytest.mark.provokes("log_is_empty")
def test_the_checkpoint_and_the_key(client: Client, sequence: Run) -> None:
    assert client.get("/audit/checkpoint").status_code == 404
    write(3)
    sequence()
    answer = client.get("/audit/checkpoint")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache" and answer["Access-Control-Allow-Origin"] == "*"
    checkpoint = Checkpoint.open(answer.content.decode(), keys.verifier())
    assert checkpoint.size == 3
    assert client.get("/audit/vkey").content.decode() == keys.verifier().vkey + "\n"
    assert client.post("/audit/checkpoint").status_code == 405


@pytest.mark.provokes("log_key_missing")
def test_the_key_may_be_missing(client: Client, log_home: Any) -> None:
    keys.key_path().unlink()
    answer = client.get("/audit/vkey")
    assert answer.status_code == 503 and answer.json()["code"] == "log_key_missing"


def test_a_stranger_rebuilds_the_root_from_tiles(client: Client, sequence: Run) -> None:
    bulk(300)
    sequence()
    full = client.get("/audit/tile/0/000")
    assert "immutable" in full["Cache-Control"] and len(full.content) == 8192
    rest = client.get("/audit/tile/0/001.p/44").content
    upper = client.get("/audit/tile/1/000.p/1").content
    hashes = [(full.content + rest)[start : start + 32] for start in range(0, 300 * 32, 32)]
    checkpoint = Checkpoint.open(client.get("/audit/checkpoint").content.decode(), keys.verifier())
    assert slow_tree.root(hashes) == checkpoint.root
    assert slow_tree.root(hashes[:256]) == upper


NO_TILES = """
    0/001 0/001.p/45 0/000.p/256 0/000.p/0 0/000.p/01 0/0 0/0000 0/x000/000 0/x000 1/000 1/000.p/2 64/000 00/000
    -1/000 0/000/ 0/x001/x234/067 x/000 0/٠٠٠ 0/000.p/ 0/../000
""".split()  # noqa: SIM905


@pytest.mark.provokes("tile_not_found")
def test_paths_that_are_no_tiles(client: Client, sequence: Run) -> None:
    bulk(300)
    sequence()
    for path in (*NO_TILES, "0/" + "x999/" * 30 + "999"):
        assert client.get(f"/audit/tile/{path}").status_code == 404, path


@pytest.mark.provokes("entries_not_public")
def test_entry_bundles_are_not_public(client: Client) -> None:
    answer = client.get("/audit/tile/entries/000")
    assert (answer.status_code, answer.json()["code"]) == (403, "entries_not_public")


def test_tile_paths() -> None:
    assert public.tile_path(0) == "000"
    assert public.tile_path(1234067) == "x001/x234/067"
    assert public.tile_path(256000) == "x256/000"


@pytest.mark.provokes("entry_not_found")
def test_entries_belong_to_their_organisation(client: Client, sequence: Run, reading: set[UUID]) -> None:
    ours, theirs = uuid4(), uuid4()
    own = write(1, organisation_id=ours, subject="voice:1")[0]
    foreign = write(1, organisation_id=theirs)[0]
    nobodys = write(1)[0]
    sequence()
    unknown = own.pk + 1000
    for pk in (own.pk, foreign.pk, nobodys.pk, unknown, 0, 2**70):
        for path in (f"/api/v1/log/entries/{pk}", f"/api/v1/log/entries/{pk}/proof", f"/log/entries/{pk}/"):
            assert client.get(path).status_code == 404
    assert client.get("/api/v1/log/entries").status_code == 401
    reading.add(ours)
    for pk in (foreign.pk, nobodys.pk, unknown):
        answer = client.get(f"/api/v1/log/entries/{pk}/proof")
        assert (answer.status_code, answer.json()["code"]) == (404, "entry_not_found")
    answer = client.get(f"/api/v1/log/entries/{own.pk}").json()
    assert answer["index"] == 0 and answer["body"]["subject"] == "voice:1"
    assert answer["leaf_hash"] == own.leaf_hash_hex and answer["sentence"] == "A voice was registered."
    assert [row["id"] for row in client.get("/api/v1/log/entries").json()["entries"]] == [own.pk]


def test_the_proof_of_an_output_convinces_a_stranger(
    client: Client, sequence: Run, reading: set[UUID]
) -> None:
    ours = uuid4()
    reading.add(ours)
    audio = b"RIFF some audio"
    digest = offline.hashlib.sha256(audio).hexdigest()
    entry = write(1, organisation_id=ours, event="synthesis.completed", data={"output_sha256": digest})[0]
    waiting = client.get(f"/api/v1/log/entries/{entry.pk}/proof")
    assert (waiting.status_code, waiting["Retry-After"]) == (202, "1")
    assert waiting.json() == {"state": "pending", "leaf_hash": entry.leaf_hash_hex}
    write(4)
    sequence()
    answer = client.get(f"/api/v1/log/entries/{entry.pk}/proof")
    assert answer["Content-Disposition"].endswith(f'entry-{entry.pk}.tlog-proof"')
    text = answer.content.decode()
    proof, body = offline.verify_output(digest, text, keys.verifier())
    assert proof.index == 0 and body["data"]["output_sha256"] == digest
    with pytest.raises(offline.VerifyError) as caught:
        offline.verify_output(offline.hashlib.sha256(audio + b"!").hexdigest(), text, keys.verifier())
    assert caught.value.fault is offline.Fault.OUTPUT
    # Independently of the code that verifies for us: the path, by the recursive definition.
    parsed = Proof.parse(text)
    checkpoint = Checkpoint.open(parsed.checkpoint, keys.verifier())
    leaf = slow_tree.leaf(parsed.body)
    assert slow_tree.leads_to(leaf, parsed.index, checkpoint.size, list(parsed.path)) == checkpoint.root


@pytest.mark.provokes("invalid_request")
def test_the_list_pages_and_filters(client: Client, sequence: Run, reading: set[UUID]) -> None:
    ours = uuid4()
    reading.add(ours)
    made = write(7, organisation_id=ours) + write(
        1, organisation_id=ours, event="consent.approved", subject="voice:9"
    )
    first = client.get("/api/v1/log/entries?limit=5").json()
    assert [row["id"] for row in first["entries"]] == [entry.pk for entry in made[:2:-1]]
    assert first["entries"][0]["index"] is None
    second = client.get(f"/api/v1/log/entries?limit=5&before={first['next']}").json()
    assert [row["id"] for row in second["entries"]] == [entry.pk for entry in made[2::-1]]
    assert second["next"] is None
    assert len(client.get("/api/v1/log/entries?event=consent.approved").json()["entries"]) == 1
    assert len(client.get("/api/v1/log/entries?subject=voice:9").json()["entries"]) == 1
    for bad in ("limit=0", "limit=x", "before=-1", "event=nothing", f"before={2**63}"):
        assert client.get(f"/api/v1/log/entries?{bad}").status_code == 400


def test_pages_for_strangers_and_members(client: Client, sequence: Run, reading: set[UUID]) -> None:
    ours = uuid4()
    empty = client.get("/log/")
    assert empty.status_code == 200 and "Nothing is signed yet" in empty.content.decode()
    entry = write(1, organisation_id=ours, subject="voice:secret")[0]
    write(1, organisation_id=uuid4(), subject="voice:foreign")
    stranger = client.get("/log/").content.decode()
    assert "voice:secret" not in stranger and "Sign in to see yours" in stranger
    reading.add(ours)
    member = client.get("/log/").content.decode()
    assert "voice:secret" in member and "voice:foreign" not in member and "Waiting" in member
    page = client.get(f"/log/entries/{entry.pk}/").content.decode()
    assert entry.leaf_hash_hex in page and "Download the proof" not in page
    sequence()
    page = client.get(f"/log/entries/{entry.pk}/").content.decode()
    assert "Download the proof" in page and f"/api/v1/log/entries/{entry.pk}/proof" in page
    assert "voice:secret" not in client.get("/log/?event=consent.approved").content.decode()
    assert "voice:secret" in client.get("/log/?since=2020-01-01&until=9999-12-31").content.decode()
    assert client.get("/log/?since=nonsense&page=zz&event=zz").status_code == 200


def test_the_checkpoint_page_shows_the_note_and_the_key(client: Client, sequence: Run) -> None:
    write(2)
    sequence()
    page = client.get("/log/checkpoint/").content.decode()
    assert "test.example/log" in page and keys.verifier().key_id.hex() in page


def test_sentences_follow_the_language(client: Client, reading: set[UUID]) -> None:
    ours = uuid4()
    reading.add(ours)
    write(1, organisation_id=ours)
    page = client.get("/log/", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "登记了一个声音。" in page


def test_the_default_reader_takes_the_principal() -> None:
    organisation = SimpleNamespace(pk=uuid4())
    request = SimpleNamespace(principal=SimpleNamespace(organisation=organisation))
    assert access._principal_on_request(request) == {organisation.pk}
    assert access._principal_on_request(SimpleNamespace()) == frozenset()


def test_no_personal_word_reaches_a_dump(sequence: Run) -> None:
    """Whatever the rooms log, an export shows identifiers, codes and hashes only."""
    from audit import exports, services

    salt = services.new_salt()
    text = "Ada Lovelace says hello"
    write(1, data={"text_commitment": services.commitment(text, salt=salt)})
    sequence()
    dump = "".join(exports.export_lines(keys.verifier()))
    bodies = [json.loads(line) for line in dump.splitlines()]
    readable = b"".join(offline.decode_base64(row["body"]) for row in bodies if "body" in row)
    assert b"Lovelace" not in readable and b"hello" not in readable
    assert services.commitment(text, salt=salt).encode() in readable
    assert merkle.leaf_hash(bytes(Entry.objects.get().body)) == bytes(Entry.objects.get().leaf_hash)
