"""Kills a real server at random moments and checks that every acknowledged write is there exactly once.

Each round: writers append messages, add memories and delete some of both, every write with a request id; the server
is killed with SIGKILL; it is started again; writes whose answer was lost are sent again under their request id; then
everything the server holds is compared with what was acknowledged. Some rounds kill it while it starts.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import loci
from loci.errors import LociError

WRITERS = 6
ROUNDS_PER_FOLDER = 50


class Server:
    """`loci serve` on a free port."""

    def __init__(self, binary, folder, model):
        self.binary, self.folder, self.model = binary, folder, model
        self.process, self.target = None, None

    def spawn(self):
        self.port_file = os.path.join(self.folder, "port")
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        command = [self.binary, "serve", "--data", os.path.join(self.folder, "data"), "--listen", "127.0.0.1:0",
                   "--port-file", self.port_file, "--model", self.model]
        log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        log.close()

    def wait_ready(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(self.port_file):
                self.target = open(self.port_file).read().strip()
                return
            if self.process.poll() is not None:
                raise Failure(f"the server ended with {self.process.returncode} while starting")
            time.sleep(0.002)
        raise Failure("the server did not become ready")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            raise Failure(f"a graceful stop ended with {self.process.returncode}")


class Failure(Exception):
    pass


class Operation:
    """One write: what is sent, and what the model becomes once it is acknowledged."""

    def __init__(self, request_id, send, acknowledge):
        self.request_id, self.send, self.acknowledge = request_id, send, acknowledge


class Writer:
    """One agent's writes, and what it knows to be stored."""

    def __init__(self, number, rng):
        self.number, self.rng = number, rng
        self.messages, self.memories = {}, {}  # id -> text, in order of acknowledgement
        self.order = []
        self.unanswered = None
        self.count, self.acknowledged, self.retried = 0, 0, 0
        self.last_sequence = 0

    def agent(self, client):
        return client.for_agent("crash", f"agent-{self.number}")

    def next(self):
        self.count += 1
        request_id = f"w{self.number}-{self.count}"
        kind = self.rng.random()
        if kind < 0.55 or not self.messages:
            texts = [f"{request_id} part {i} " + "lorem ipsum dolor " * self.rng.randint(0, 12)
                     for i in range(self.rng.randint(1, 4))]
            return Operation(
                request_id,
                lambda agent: agent.contexts.append("chat", texts, create=True, request_id=request_id),
                lambda answer: self.add_messages(answer.message_ids, texts))
        if kind < 0.85 or not self.memories:
            text = f"{request_id} remembers " + "sit amet " * self.rng.randint(0, 20)
            return Operation(
                request_id, lambda agent: agent.memories.add(text, request_id=request_id),
                lambda answer: self.memories.update({answer.memory_ids[0]: text}))
        if kind < 0.93:
            target = self.rng.choice(list(self.messages))
            return Operation(
                request_id, lambda agent: agent.contexts.delete_messages([target], request_id=request_id),
                lambda answer: self.drop_message(target, answer))
        target = self.rng.choice(list(self.memories))
        return Operation(
            request_id, lambda agent: agent.memories.delete([target], request_id=request_id),
            lambda answer: self.drop_memory(target, answer))

    def add_messages(self, ids, texts):
        self.order += ids
        self.messages.update(zip(ids, texts))

    def drop_message(self, target, answer):
        if answer.messages_deleted != 1:
            raise Failure(f"writer {self.number}: deleting a stored message removed {answer.messages_deleted}")
        del self.messages[target]
        self.order.remove(target)

    def drop_memory(self, target, answer):
        if answer.memories_deleted != 1:
            raise Failure(f"writer {self.number}: deleting a stored memory removed {answer.memories_deleted}")
        del self.memories[target]

    def perform(self, operation, client):
        self.unanswered = operation
        answer = operation.send(self.agent(client))
        if answer.position.sequence < self.last_sequence and operation.request_id == f"w{self.number}-{self.count}":
            raise Failure(f"writer {self.number}: position went back to {answer.position.sequence}")
        self.last_sequence = max(self.last_sequence, answer.position.sequence)
        operation.acknowledge(answer)
        self.unanswered = None
        self.acknowledged += 1

    def run(self, client, stop):
        while not stop.is_set():
            try:
                self.perform(self.next(), client)
            except LociError:
                return  # the server is gone; what was under way is sent again after the restart
            except Failure as failure:
                self.failure = failure
                return

    failure = None

    def retry(self, client):
        if self.unanswered is not None:
            self.retried += 1
            self.perform(self.unanswered, client)

    def check(self, client):
        if self.failure is not None:
            raise self.failure
        agent = self.agent(client)
        stored = [(m.id, m.text) for m in agent.contexts.export()]
        known = [(id, self.messages[id]) for id in self.order]
        if stored != known:
            raise Failure(f"writer {self.number}: {describe(known, stored)} (messages)")
        stored = {m.id: m.text for m in agent.memories.list()}
        if stored != self.memories:
            raise Failure(f"writer {self.number}: {describe(list(self.memories.items()), list(stored.items()))} (memories)")


def describe(known, stored):
    lost = [item for item in known if item not in stored]
    extra = [item for item in stored if item not in known]
    doubled = len(stored) - len(set(stored))
    return (f"{len(lost)} acknowledged writes lost, {len(extra)} that were never acknowledged, {doubled} doubled; "
            f"first lost {lost[:1]}, first extra {extra[:1]}")


def load_until_killed(server, writers, rng):
    server.wait_ready()
    stop = threading.Event()
    with loci.Client(server.target, timeout=10) as client:
        threads = [threading.Thread(target=writer.run, args=(client, stop)) for writer in writers]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.01, 0.25))
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()


def one_round(server, writers, rng):
    server.spawn()
    if rng.random() < 0.15:
        time.sleep(rng.uniform(0, 0.12))  # while it starts, or recovers from the kill before
        server.kill()
        server.spawn()
    load_until_killed(server, writers, rng)
    server.spawn()
    server.wait_ready()
    with loci.Client(server.target, timeout=10) as client:
        for writer in writers:
            writer.retry(client)
        for writer in writers:
            writer.check(client)
    server.kill()


def check_tables(binary, folder):
    result = subprocess.run([binary, "doctor", "--data", os.path.join(folder, "data"), "--rebuild"],
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"doctor: {result.stdout}{result.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--loci", default=os.environ.get("LOCI_BIN", ".build/release/loci"))
    parser.add_argument("--model", default=os.environ.get("LOCI_MODEL_DIR", "none"))
    arguments = parser.parse_args()
    binary = os.path.abspath(arguments.loci)
    print(f"crash test: {arguments.rounds} kills, seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    acknowledged = retried = 0
    started = time.monotonic()
    for first in range(0, arguments.rounds, ROUNDS_PER_FOLDER):
        folder = tempfile.mkdtemp(prefix="loci-crash-")
        # Every other folder with an encoder, so that its background writes are interrupted too.
        use_model = (first // ROUNDS_PER_FOLDER) % 2 == 0 and os.path.isdir(arguments.model)
        server = Server(binary, folder, os.path.abspath(arguments.model) if use_model else "none")
        writers = [Writer(number, random.Random(rng.random())) for number in range(WRITERS)]
        rounds = min(ROUNDS_PER_FOLDER, arguments.rounds - first)
        try:
            for number in range(rounds):
                one_round(server, writers, rng)
            check_tables(binary, folder)
            server.spawn()
            server.wait_ready()
            server.stop()
            check_tables(binary, folder)
        except Exception as error:  # whatever it is, say where to look
            if server.process.poll() is None:
                server.kill()
            print(f"FAILED after round {first + number + 1}, seed {arguments.seed}, folder kept: {folder}\n{error}")
            return 1
        acknowledged += sum(writer.acknowledged for writer in writers)
        retried += sum(writer.retried for writer in writers)
        shutil.rmtree(folder)
        print(f"  {first + rounds} kills: {acknowledged} writes acknowledged, {retried} sent again, 0 lost, 0 doubled, "
              f"tables equal their log ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
