"""`loci compress`, `loci expand` and `loci compression` against a real server."""

import json


TALK = [
    ("Anna", "Hey! How are you? It is really so good to hear from you again."),
    ("Ben", "Thanks! I moved to Lisbon on 12 March 2023 with my dog Rex."),
    ("Anna", "Wow, that is awesome! My flight TP-943 from Porto was late."),
]


def test_a_file_shrinks_and_comes_back(server, tmp_path):
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps({"name": name, "text": text}) + "\n" for name, text in TALK))
    archive = tmp_path / "talk.loci"
    done = server.loci("compress", str(path), "--ratio", "0.6", "--archive", str(archive))
    for word in ("Lisbon", "12", "March", "2023", "Rex", "TP-943", "Porto"):
        assert word in done.stdout
    assert "really" not in done.stdout and "tokens" in done.stderr
    assert server.loci("expand", str(archive)).stdout == "".join(f"{name}: {text}\n" for name, text in TALK)
    plan = server.json("compress", str(path), "--plan")
    assert [round(one["ratio"], 1) for one in plan["plans"]] == [0.2, 0.3, 0.4, 0.5]


def test_a_context_is_compacted_reported_and_put_back_over_a_kill(server):
    for number in range(30):
        server.loci("append", "log", f"Station {number} counted {number * 7} gulls near the old lighthouse.")
    compacted = server.json("compression", "compact", "log", "--keep", "5")
    compaction = compacted["compaction"]
    assert compaction["untilNumber"] == 25 and "168" in compacted["text"]
    server.kill()
    server.start()
    assert "Station 3 counted 21 gulls" in server.loci("history", "log", "-c", "100").stdout
    assert "Station 3 counted 21 gulls" in server.loci("expand", "--compaction", compaction["id"]).stdout
    report = server.loci("compression", "report").stdout
    assert "log" in report and "1 compactions of 1 contexts" in report
    assert "automatic" in server.loci("compression", "policy", "--automatic").stdout
    server.loci("compression", "undo", compaction["id"])
    assert "0 compactions" in server.loci("compression", "report").stdout
    assert "Station 3 counted 21 gulls" in server.loci("history", "log", "-c", "100").stdout
