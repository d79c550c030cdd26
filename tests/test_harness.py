import json
import sys

import _focus_plots
import _harness
import _parts


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


def test_parts_go_on_in_one_record_each_with_its_own_commit(monkeypatch, tmp_path):
    written = tmp_path / "figures.json"
    parts = {
        name: lambda name=name: [_harness.row(name, 1.0, source=f"simulated; any --part {name}")]
        for name in ("first", "second", "third")
    }

    plotted = []

    def measured(name, commit):
        command = ["benchmarks/any.py", "--part", name, "--json", str(written)]
        monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path)])
        args = _parts.part_arguments("Any.", parts)
        args.made["commit"] = commit
        _parts.measure(parts, args, lambda rows, folder: plotted.append((len(rows), folder)))
        return json.loads(written.read_text())

    measured("third", "abc")
    record = measured("first", "def")
    assert [one["name"] for one in record["rows"]] == ["first", "third"]
    assert record["commits"] == {"first": "def", "third": "abc"}
    assert record["command"] == "python benchmarks/any.py --part first --part third"
    record = measured("third", "def")
    assert [one["name"] for one in record["rows"]] == ["first", "third"]
    assert record["commits"]["third"] == "def"
    assert measured("second", "def")["command"] == "python benchmarks/any.py"
    assert plotted == [(number, tmp_path) for number in (1, 2, 2, 3)]


def test_plots_show_what_was_measured_alone(tmp_path):
    rows = [
        _harness.row(name, 0.9)
        for name in (
            "focus, five folds: accuracy, fold 0", "stack, focus: defocus of plane 3",
            "10x to 20x: transferred, 64 images: accuracy", "SDCNN, fold 0, crop: AUC",
        )
    ]  # fmt: skip
    for some in (rows, []):
        _focus_plots.plot_sorting(some, tmp_path)
        assert (tmp_path / "focus_sort.png").stat().st_size > 10_000
    rows = [
        _harness.row(name, 0.9)
        for name in (
            "simulated, 10x/0.30, 20 um: blurred, SSIM", "real, 10x, 5 um: restore, SSIM",
            "equal samples, real, 10x, 5 um: U-Net, SSIM",
            "simulated, 20x/0.45, 5 um: learned of all planes, SSIM",
        )
    ]  # fmt: skip
    _focus_plots.plot_restoring(rows, tmp_path)
    assert (tmp_path / "focus_restore.png").stat().st_size > 10_000
