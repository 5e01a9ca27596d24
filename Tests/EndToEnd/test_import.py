"""Importers and the export of everything, through the command line against a real server."""

import json

import pytest


def memories(server, agent="default"):
    lines = server.loci("export", "--all", "--agent", agent).stdout.splitlines()
    return {line["id"]: line for line in map(json.loads, lines) if line["kind"] == "memory"}


MEM0 = [
    {"id": "892db2ae-06d9-49e5-8b3e-585ef9b85b8e", "memory": "Likes to play cricket on weekends",
     "hash": "285d07801ae42054732314853e9eadd7", "metadata": {"category": "hobbies", "rank": 2, "nested": {"a": [1]}},
     "created_at": "2024-07-20T01:30:36.275141-07:00", "updated_at": None, "user_id": "alice"},
    {"id": "b2f0c0de-0000-4000-8000-000000000002", "memory": "住在北京", "metadata": None, "user_id": "bob",
     "agent_id": "tutor", "run_id": "run-7", "created_at": "2024-07-20T08:30:36Z", "categories": ["home", "city"]},
]


@pytest.mark.parametrize("form", ["results", "list", "lines"])
def test_mem0(server, tmp_path, form):
    text = {"results": json.dumps({"results": MEM0, "relations": []}, indent=1), "list": json.dumps(MEM0),
            "lines": "\n".join(json.dumps(one) for one in MEM0) + "\n"}[form]
    path = tmp_path / "mem0.json"
    path.write_text(text, encoding="utf-8")
    assert server.json("import", str(path), "--format", "mem0")["imported"] == 2
    found = memories(server)
    alice, bob = (found[one["id"]] for one in MEM0)
    assert alice["text"] == "Likes to play cricket on weekends" and alice["source"] == "inferred"
    assert alice["created_at_us"] == 1_721_464_236_275_141
    assert alice["attributes"] == {"user_id": "alice", "hash": MEM0[0]["hash"], "category": "hobbies", "rank": "2",
                                   "nested": '{"a":[1]}'}
    assert bob["tags"] == ["home", "city"] and bob["context_id"] == "run-7"
    assert server.json("search", "cricket", "--in", "memories")["hits"][0]["memory"]["id"] == MEM0[0]["id"]
    # Again, and with one more: nothing is stored twice, whatever is in a batch with what.
    assert memories(server) == found
    more = MEM0 + [{"id": "third", "memory": "Has a dog", "user_id": "alice"}]
    path.write_text(json.dumps(more), encoding="utf-8")
    assert {k: server.json("import", str(path), "--format", "mem0")[k] for k in ["imported", "present"]} == {
        "imported": 1, "present": 2}
    assert set(memories(server)) == set(found) | {"third"}


def test_mem0_can_give_each_user_an_agent(server, tmp_path):
    path = tmp_path / "mem0.json"
    path.write_text(json.dumps(MEM0), encoding="utf-8")
    server.loci("import", str(path), "--format", "mem0", "--agent-field", "user_id")
    assert list(memories(server, "alice")) == [MEM0[0]["id"]] and list(memories(server, "bob")) == [MEM0[1]["id"]]
    assert memories(server) == {}


GRAPH = [
    {"type": "entity", "name": "Ada", "entityType": "person", "observations": ["Speaks French", "Works at Acme"]},
    {"type": "entity", "name": "Acme", "entityType": "company", "observations": []},
    {"type": "relation", "from": "Ada", "to": "Acme", "relationType": "works_at"},
]


def test_the_mcp_memory_file(server, tmp_path):
    path = tmp_path / "memory.jsonl"
    path.write_text("\n".join(map(json.dumps, GRAPH)), encoding="utf-8")
    words = ["import", str(path), "--format", "mcp-memory"]
    assert server.json(*words)["imported"] == 4
    found = memories(server)
    assert sorted(one["text"] for one in found.values()) == [
        "Acme (company)", "Ada works at Acme", "Ada: Speaks French", "Ada: Works at Acme"]
    relation = next(one for one in found.values() if one["text"] == "Ada works at Acme")
    assert relation["tags"] == ["relation"]
    assert relation["attributes"] == {"from": "Ada", "relation": "works_at", "to": "Acme"}
    french = next(one for one in found.values() if "French" in one["text"])
    assert french["tags"] == ["person"] and french["attributes"] == {"entity": "Ada", "entity_type": "person"}
    # The file grows, as the server writes it; lines move.
    grown = [{**GRAPH[0], "observations": ["Speaks French", "Plays chess", "Works at Acme"]}, GRAPH[2], GRAPH[1]]
    path.write_text("\n".join(map(json.dumps, grown)), encoding="utf-8")
    outcome = server.json(*words)
    assert (outcome["imported"], outcome["present"]) == (1, 4)
    assert set(memories(server)) > set(found) and len(memories(server)) == 5


@pytest.mark.parametrize("form, lines, problem", [
    ("mem0", ['{"id": "a", "memory": "x"}', "", '{"id": "b"}'], "line 3 has no text in 'memory'"),
    ("mem0", ['{"id": "a", "memory": "x"}', "{broken"], "line 2 is not a JSON object"),
    ("mem0", ['[{"id": "a", "memory": "x"}, 7]'], "entry 2 is not an object"),
    ("mem0", ['{"id": "a", "memory": "x", "created_at": "yesterday"}'], "line 1: 'yesterday' is not a time"),
    ("mcp-memory", [json.dumps(GRAPH[0]), '{"type": "edge"}'], "line 2 has the type 'edge'"),
    ("mcp-memory", ['{"type": "relation", "from": "a", "to": "b"}'], "line 1 has no text in 'relationType'"),
    ("mcp-memory", ['{"type": "entity", "name": "a", "observations": [1]}'], "line 1 has observations"),
    ("loci", ['{"kind": "poem"}'], "line 1 has no kind"),
    ("loci", ['{"kind": "memory", "id": "a", "text": "x", "type": "nonsense"}'], "line 1 has 'nonsense' in 'type'"),
])
def test_a_malformed_line_is_named_and_nothing_is_stored(server, tmp_path, form, lines, problem):
    path = tmp_path / "bad.json"
    path.write_text("\n".join(lines), encoding="utf-8")
    refused = server.loci("import", str(path), "--format", form, check=False)
    assert refused.returncode != 0 and problem in refused.stderr, refused.stderr
    assert memories(server) == {}


def test_an_export_of_everything_comes_back_the_same(server, tmp_path):
    lines = [{"conv": f"c{n % 3}", "text": f"line {n} 火车", "who": "Ana", "role": ["user", "assistant"][n % 2]}
             for n in range(50)]
    (tmp_path / "lines.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    server.loci("import", str(tmp_path / "lines.jsonl"), "--context-field", "conv", "--name-field", "who")
    server.loci("session", "create", "trip", "--set", "city=Lisbon", "--set", "note=x")
    server.loci("append", "trip", "The train leaves at nine.")
    server.loci("session", "create", "other")
    server.loci("session", "move", "other", "failed", "no trains")
    server.loci("add", "Ana likes window seats.", "--importance", "0.9")
    (tmp_path / "graph.jsonl").write_text("\n".join(map(json.dumps, GRAPH)), encoding="utf-8")
    server.loci("import", str(tmp_path / "graph.jsonl"), "--format", "mcp-memory")

    def everything(agent):
        objects = [json.loads(line) for line in server.loci("export", "--all", "--agent", agent).stdout.splitlines()]
        return sorted(objects, key=lambda one: (one["kind"], one["id"]))

    first = everything("default")
    assert {kind: sum(one["kind"] == kind for one in first) for kind in ["context", "message", "memory", "session"]} == {
        "context": 5, "message": 51, "memory": 5, "session": 2}
    path = tmp_path / "all.jsonl"
    server.loci("export", "--all", "--output", str(path))
    words = ["import", str(path), "--format", "loci", "--agent", "copy"]
    assert server.json(*words)["imported"] == 56
    assert everything("copy") == first
    assert server.json("session", "show", "trip", "--agent", "copy")["session"]["state"] == "active"
    # Again: what is there stays.
    assert server.json(*words)["imported"] in (0, 56)
    assert everything("copy") == first


def test_a_quota_by_the_command_line(server):
    server.loci("quota", "set", "--tenant", "small", "--items", "2")
    server.loci("append", "c", "one", "--tenant", "small")
    refused = server.loci("append", "c", "two", "--tenant", "small", check=False)
    assert refused.returncode != 0 and "2 of 2 items" in refused.stderr, refused.stderr
    shown = server.json("quota", "show", "--tenant", "small")
    assert (shown["items"], shown["quota"]["itemsMax"]) == (2, 2)
    server.loci("quota", "set", "--tenant", "small")
    server.loci("append", "c", "two", "--tenant", "small")


def test_a_search_over_agents_and_why_a_message_is_missing(server):
    server.loci("append", "c", "The night train leaves at nine.", "--agent", "one")
    server.loci("append", "c", "Trains are late.", "--agent", "two")
    found = server.json("search", "night train", "--everyone")
    assert found["searchedAgents"] == ["one", "two"] and found["messages"][0]["agent"] == "one"
    assert server.json("search", "train", "--other", "two")["searchedAgents"] == ["two"]
    lines = server.loci("search", "night train", "--everyone").stdout
    assert "one" in lines and "2 agents searched" in lines
    reason = server.json("search", "train", "--why-not", "nothing", "--agent", "one")["reason"]
    assert reason == "notThere"
