# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run of compare.py as a Markdown table and charts:  render.py compare.json [--charts FOLDER] [--readme README.md]

Prints the table. With --readme, the text between the marker comments there is replaced by table and charts; with
--charts, or with --readme, the charts are drawn (bench/peers/charts by default), which needs matplotlib.
"""
import argparse
import json
import os
import pathlib
import sys
import textwrap

HERE = pathlib.Path(__file__).parent
BEGIN, END = "<!-- peers: begin, written by bench/peers/render.py -->", "<!-- peers: end -->"
COLORS = dict(domino="#0072b2", eigen="#999999", sdpa="#d55e00", flex="#e69f00", ort="#009e73", ggml="#cc79a7")
TYPES = dict(f32="float32", f16="float16", bf16="bfloat16", int8="int8")


def peak(data, probe):
    """Of FLOP/s or bytes/s: the best of the run's probes."""
    return max(case[probe]["best"] for case in data["cases"])


def share(data, case, row, which="median"):
    """Percent of the read bandwidth (decoding), or of the FMA peak."""
    probe, work = ("read", "bytes") if case["table"] == "decode" else ("fma", "flops")
    return 100 * case[work] / row[which] / peak(data, probe)


def where(case):
    text = f"{case['kv_len']:,} keys, {case['heads']} heads on {case['kv_heads']}"
    if case["table"] == "decode":
        return f"{TYPES[case['type']]}, {text}"
    return f"{case['name']} on {text}" if case["table"] == "short" else f"{case['name']}, {case['kv_len']:,}"


def milliseconds(seconds):
    ms = seconds * 1e3
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"


def ratios(case, peers):
    """How many times as long each peer takes, the best one bold."""
    rows = case["participants"]
    times = {p: rows[p]["median"] / rows["domino"]["median"] for p in peers if "median" in rows.get(p, {})}
    best = min(times, key=times.get, default=None)
    text = {p: (f"{t:.1f}" if t < 9.95 else f"{t:.0f}") + " †" * rows[p]["coarse"] for p, t in times.items()}
    return [f"**{text[p]}**" if p == best else text.get(p, "–") for p in peers]


def table(data, cases, peers, head, cells):
    lines = ["| " + " | ".join([*head, *(data["titles"][p] for p in peers)]) + " |",
             "|" + "---|" * (len(head) + len(peers))]
    lines += ["| " + " | ".join([*cells(data, c), *ratios(c, peers)]) + " |" for c in cases]
    return "\n".join(lines)


def prefill_cells(data, case):
    row = case["participants"]["domino"]
    return [where(case), str(case["head_dim"]), milliseconds(row["median"]),
            f"{share(data, case, row):.0f} ({share(data, case, row, 'best'):.0f})"]


def decode_cells(data, case):
    row = case["participants"]["domino"]
    return [where(case), milliseconds(row["median"]), f"{case['bytes'] / row['median'] / 1e9:.3g}",
            f"{share(data, case, row):.0f} ({share(data, case, row, 'best'):.0f})"]


def text(data):
    peers = [p for p in data["titles"] if p != "domino" and p in data["versions"]]
    first = [c for c in data["cases"] if c["table"] != "decode"]
    second = [c for c in data["cases"] if c["table"] == "decode"]
    parts = []
    if first:
        parts.append(table(data, first, peers, ["case, length", "head_dim", "Domino, ms", "% of the FMA peak (best)"],
                           prefill_cells))
    if second:
        head = ["one query, head_dim 128", "Domino, ms", "GB/s", "% of the read bandwidth (best)"]
        parts.append(table(data, second, peers, head, decode_cells))
    parts.append(textwrap.fill(caption(data, peers), 128, break_long_words=False, break_on_hyphens=False))
    return "\n\n".join(parts)


def caption(data, peers):
    """When, where, what the numbers are, and who took part."""
    fma, read = peak(data, "fma") / 1e9, peak(data, "read") / 1e9
    cpu = data["processor"]
    sentences = [
        f"{data['date']}, {cpu['name']} (family {cpu['family']}, model {cpu['model']}, {', '.join(cpu['simd'])}), one "
        f"core: {fma:.0f} GFLOP/s of multiply-adds, {read:.0f} GB/s of reads.",
        "Medians of one interleaved run, in time on the core; a peer's number is how many times as long as Domino it "
        "takes, the best peer's bold, a dash what it cannot do."]
    coarse = [row["error"] for c in data["cases"] for row in c["participants"].values() if row.get("coarse")]
    if coarse:
        sentences.append(f"†: coarser than the type, off by up to {100 * max(coarse):.0f} % of the output's root mean "
                         "square.")
    sentences.append("; ".join(f"{data['titles'][p]} {data['versions'][p]}" for p in peers) + ".")
    if data["absent"]:
        sentences.append(f"Left out, not installed: {', '.join(data['titles'][p] for p in data['absent'])}.")
    return " ".join(sentences)


def charts(data, folder):
    """One picture a head size, and one for decoding. Returns their paths and titles."""
    try:
        import matplotlib
    except ImportError:
        print("render.py: no charts without matplotlib: pip install matplotlib", file=sys.stderr)
        return []
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "domino", "font.size": 9,
                                "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False})
    folder.mkdir(parents=True, exist_ok=True)
    shown = [p for p in data["titles"] if p in data["versions"]]
    made = []
    groups = {}
    for case in data["cases"]:
        if case["table"] == "prefill":
            group = (f"prefill-{case['head_dim']}-{case['kv_len']}",
                     f"head_dim {case['head_dim']}, length {case['kv_len']:,}")
        elif case["table"] == "decode" and case["heads"] != case["kv_heads"]:
            group = "decode", f"one query, {case['heads']} heads on {case['kv_heads']}, head_dim {case['head_dim']}"
        else:
            continue
        groups.setdefault(group, []).append(case)
    for (name, title), cases in groups.items():
        unit = "read bandwidth" if name == "decode" else "FMA peak, visible pairs"
        cpu = data["processor"]
        figure = chart(data, cases, shown, f"{title}: % of the {unit} (medians; one core of {cpu['name']}, family "
                                           f"{cpu['family']}, model {cpu['model']}; {data['date']})")
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        made.append((path, title))
    return made


def chart(data, cases, shown, title):
    from matplotlib.figure import Figure
    figure = Figure(figsize=(11, 3.6), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    width = 0.86 / len(shown)
    for i, p in enumerate(shown):
        at = [x - 0.43 + (i + 0.5) * width for x in range(len(cases))]
        rows = [c["participants"].get(p, {}) for c in cases]
        heights = [share(data, c, row) if "median" in row else 0 for c, row in zip(cases, rows)]
        bars = axes.bar(at, heights, width * 0.92, color=COLORS[p], label=data["titles"][p])
        labels = [f"{h:.0f}" if h >= 1.5 else f"{h:.1g}" if h else "–" for h in heights]
        axes.bar_label(bars, labels, fontsize=7, padding=1)
    axes.set_ylim(0, 100)
    axes.set_xticks(range(len(cases)), [label(c) for c in cases])
    axes.tick_params(axis="x", length=0)
    axes.yaxis.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left", fontsize=10)
    figure.legend(ncols=len(shown), fontsize=8, frameon=False, loc="outside lower center")
    return figure


def label(case):
    if case["table"] == "decode":
        return f"{TYPES[case['type']]}\n{case['kv_len']:,}"
    return case["name"].replace(", ", ",\n")


def rewrite(readme, body):
    """Puts `body` between the marker comments, or says that there are none."""
    old = readme.read_text()
    begin, end = old.find(BEGIN), old.find(END)
    if begin < 0 or end < begin:
        sys.exit(f"render.py: {readme} has no lines\n{BEGIN}\n{END}")
    readme.write_text(old[:begin] + BEGIN + "\n" + body + "\n" + old[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--charts", type=pathlib.Path)
    parser.add_argument("--readme", type=pathlib.Path)
    options = parser.parse_args()
    data = json.loads(pathlib.Path(options.run).read_text())
    body = text(data)
    print(body)
    if options.charts or options.readme:
        made = charts(data, options.charts or HERE / "charts")
        for path, _ in made:
            print(path, file=sys.stderr)
        if options.readme:
            base = options.readme.resolve().parent
            pictures = "\n\n".join(f"![{title}]({os.path.relpath(path, base)})" for path, title in made)
            rewrite(options.readme, "\n\n".join(filter(None, [body, pictures])))


if __name__ == "__main__":
    main()
