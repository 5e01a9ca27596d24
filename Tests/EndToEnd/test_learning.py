"""`loci feedback`, `experience`, `recommend` and `learn` against a real server, and what a kill leaves of them."""

import json



def recommend(server):
    return server.json(
        "recommend", "refund an order", "--kind", "refund", "--feature", "channel=web",
        "--strategy", "careful=0.1", "--strategy", "quick",
    )


def test_recommendations_are_learned_and_outlive_a_kill(server):
    first = server.loci("recommend", "refund an order", "--strategy", "a", "--strategy", "b", "--dry-run").stdout
    assert "No experience" in first
    for _ in range(25):
        answer = recommend(server)
        server.loci("recommend", "report", answer["decisionID"], "1" if answer["chosen"] == "careful" else "0")
    server.kill()
    server.start()
    last = recommend(server)
    assert last["ranking"][0]["strategy"] == "careful" and last["hasExperience"]
    table = server.loci("recommend", "refund", "--kind", "refund", "--dry-run").stdout
    assert "careful" in table and "best expectation" in table
    lines = server.loci("learn", "decisions").stdout.splitlines()
    assert len(lines) == 26 and json.loads(lines[0])["hasOutcome"] is True
    again = server.loci("recommend", "report", json.loads(lines[0])["id"], "1", check=False)
    assert again.returncode != 0 and "outcome" in again.stderr


def test_experience_and_patterns(server):
    for number in range(12):
        well = number % 2 == 0
        server.loci(
            "experience", "record", f"refund order {number}", "success" if well else "failure", "--kind", "refund",
            "--strategy", "careful" if well else "quick", "--steps", "look,verify,pay" if well else "look,pay",
        )
    found = server.loci("experience", "similar", "refund order 3", "--threshold", "0.5").stdout
    assert "careful" in found and "all: 0." in found
    patterns = server.loci("experience", "patterns", "--kind", "refund").stdout
    assert "verify" in patterns and "12 experiences, 6 of them well" in patterns
    listed = server.json("experience", "list")["experiences"]
    assert len(listed) == 12
    server.loci("experience", "delete", listed[0]["id"])
    assert len(server.json("experience", "list")["experiences"]) == 11


def test_feedback_and_cycle(server):
    for value in ["5", "4", "2"]:
        server.loci("feedback", "give", "strategy", "careful", "rating", value, "--rater", f"r{value}")
    server.loci("feedback", "give", "tool", "pay", "issue", "it paid twice")
    server.loci("feedback", "metric", "latency", "12", "--unit", "ms")
    assert "careful" in server.loci("feedback", "analyze").stdout
    assert "it paid twice" in server.loci("feedback", "list").stdout
    assert "too little" in server.loci("learn", "cycle").stdout
    assert len(server.json("learn", "cycles")["cycles"]) == 1


def test_consolidation_is_undone(server):
    for text in ["Anna lives in Berlin.", "Anna's home is in Berlin.", "李强住在北京。", "李强搬到上海了。"]:
        server.loci("add", text)
    preview = server.loci("learn", "consolidate", "--dry-run").stdout
    assert "1 merged, 1 in conflict" in preview
    done = server.json("learn", "consolidate")["consolidation"]
    assert len(done["merged"]) == 1
    assert "1 restored" in server.loci("learn", "undo", done["id"]).stdout
    server.loci("learn", "policy", "--at-session-end", "--after", "500")
    shown = server.loci("learn", "policy").stdout
    assert "ended: yes" in shown and "new: 500" in shown
    assert "ended: no" in server.loci("learn", "policy", "--no-at-session-end").stdout
    assert server.loci("learn", "weak", "--below", "1").stdout.count("Anna") == 2
    server.stop()
    data = str(server.folder / "data")
    assert server.loci("doctor", "--data", data, "--rebuild").stdout.endswith("sound\n")
