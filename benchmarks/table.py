"""Tables of results: markdown on stdout and in benchmarks/results/, and bars beside them as a picture."""

import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent / "results"
MISSING = "-"


def faster(results):
    """{column: Result}, of the settings of one peer the fastest; one without a time only when it has none at all."""
    columns = {}
    for result in results:
        known = columns.get(result.column)
        if known is None or (result.seconds or float("inf")) < (known.seconds or float("inf")):
            columns[result.column] = result
    return columns


def ratio(ours, theirs):
    """Their time divided by ours in the same rounds; above 1 we are faster. None when one has no time."""
    if not theirs.seconds or not (theirs.beside or ours.seconds):
        return None
    return theirs.seconds / (theirs.beside or ours.seconds)


def best(ours, others):
    """(smallest ratio, its column) over the peers that have a time, or (None, "")."""
    ratios = [(ratio(ours, r), r.column) for r in others if ratio(ours, r)]
    return min(ratios) if ratios else (None, "")


def time_cell(result):
    if result is None:
        return MISSING
    if result.seconds is None:
        return result.reason
    milliseconds = result.seconds * 1000
    return f"{milliseconds:.3g}" if milliseconds < 100 else f"{milliseconds:.0f}"


def number(value, form="{:.2f}"):
    return MISSING if value is None else form.format(value)


class Table:
    """Rows of text; prints each row when it comes, because rows take minutes."""

    def __init__(self, name, caption, columns):
        self.name, self._columns, self._lines = name, columns, []
        for line in (caption, "", self._join(columns), self._join(["---"] * len(columns))):
            self._say(line)

    @staticmethod
    def _join(cells):
        return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"

    def _say(self, line):
        self._lines.append(line)
        print(line, flush=True)

    def add(self, cells):
        if len(cells) != len(self._columns):
            raise ValueError(f"[table] {self.name}: expected {len(self._columns)} cells, got {len(cells)}")
        self._say(self._join(cells))

    def note(self, text):
        self._say("")
        self._say(text)

    def save(self):
        """Writes results/NAME.md."""
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{self.name}.md").write_text("\n".join(self._lines) + "\n")


def bars(name, title, unit, groups):
    """results/NAME.png: {group: {column: value}} as groups of bars. Nothing without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = list(dict.fromkeys(column for group in groups.values() for column in group))
    figure, axes = pyplot.subplots(figsize=(2 + 1.6 * len(groups), 4.5))
    width = 0.8 / max(1, len(columns))
    for i, column in enumerate(columns):
        places = [k + (i - (len(columns) - 1) / 2) * width for k in range(len(groups))]
        axes.bar(places, [group.get(column) or 0 for group in groups.values()], width, label=column)
    axes.set_xticks(range(len(groups)), list(groups), rotation=20, ha="right")
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.legend(fontsize=8)
    figure.tight_layout()
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", dpi=120)
    pyplot.close(figure)
