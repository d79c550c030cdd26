import json
import sys

import _harness


def test_a_record_tells_of_the_machine_as_the_run_began(monkeypatch, tmp_path):
    written = tmp_path / "figures.json"
    command = ["benchmarks/any.py", "--quick", "--json", str(written), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr(_harness, "cores", lambda: 7)
    args = _harness.arguments("Any.")
    monkeypatch.setattr(_harness, "cores", lambda: 1)
    _harness.report([_harness.row("time", 2.0, "s", "<= 1")], args)
    record = json.loads(written.read_text())
    assert record["machine"]["cores"] == 7
    assert record["command"] == "python benchmarks/any.py --quick"
    assert record["rows"][0]["holds"] is False
