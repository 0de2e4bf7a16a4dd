"""One peer: a process that waits for a line, works, and answers by a line. While it waits it needs no time of the core."""
import json
import os
import subprocess


class Worker:
    def __init__(self, key, name, command, package=None):
        self.key, self.name, self.command, self.package = key, name, command, package
        self.missing = None     # why it does not take part
        self.hello = {}
        self.process = None

    def start(self):
        note = self.command[0] + ".missing"
        if os.path.exists(note):
            with open(note, encoding="utf-8") as file:
                self.missing = file.read().strip()
            return
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE if self.package else None, text=True)
        except OSError as error:
            self.missing = str(error)
            return
        self.hello = self.ask("hello")

    def ask(self, line):
        """The answer to a command; an empty one once the process has ended."""
        if self.missing is not None:
            return {}
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            text = self.process.stdout.readline()
        except OSError:
            text = ""
        if not text:
            errors = self.process.stderr.read() if self.process.stderr else ""
            last = errors.strip().splitlines()[-1] if errors.strip() else "no message"
            if "No module named" in last:
                self.missing = f"the package {self.package} is missing"
            else:
                self.missing = f"ended during '{line.split(' ')[0]}': {last}"
            return {}
        return json.loads(text)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()
