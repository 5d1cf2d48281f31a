"""The interactive page: its data, and what it does in a browser."""

import json
import re
import shutil
import subprocess

import pytest
from hand_made_scores import whole_study

from perturbselect.report.explorer import explorer_page
from perturbselect.scores.curves import learning_curves

STRATEGIES = ["random", "degree", "graphreach"]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: make browser (Debian, as root)")

# What a reader does, as a script at the end of the page: it takes down plot and table before and after.
READER = """
<script>
const report = {errors: []};
window.addEventListener("error", event => report.errors.push(event.message));
window.addEventListener("unhandledrejection", event => report.errors.push(String(event.reason)));
console.error = (...words) => report.errors.push(words.join(" "));
const state = () => ({
  paths: [...document.querySelectorAll("#plot .mark-line path")].map(path => path.getAttribute("d")),
  references: [...document.querySelectorAll("#plot .mark-rule.role-mark line")].length,
  axis: [...document.querySelectorAll("#plot .role-axis-label text")].map(text => text.textContent),
  rows: [...document.querySelectorAll("#table tr")].map(
    row => [...row.children].map(cell => cell.textContent)),
  caption: document.getElementById("caption").textContent,
  models: [...document.getElementById("model").options].map(option => option.value),
});
const pause = () => new Promise(done => setTimeout(done, 400));
async function choose(id, value) {
  const control = document.getElementById(id);
  control.value = value;
  control.dispatchEvent(new Event("change"));
  await pause();
}
async function read() {
  while (!document.body.dataset.ready) await pause();
  await pause();
  report.first = state();
  await choose("metric", "mse");
  report.metric = state();
  await choose("model", "kernel_ridge");
  report.model = state();
  document.querySelector("#strategies input[value=random]").click();
  await pause();
  report.without = state();
  document.getElementById("none").click();
  await pause();
  report.none = state();
  document.getElementById("all").click();
  document.getElementById("floors").click();
  await pause();
  report.all = state();
  const made = document.createElement("pre");
  made.id = "report";
  made.textContent = JSON.stringify(report);
  document.body.append(made);
}
read();
</script>
</body>"""


def opened(page, folder, *options):
    """Open a page in a browser that reaches no network; return its document and what it logged."""
    file = folder / "page.html"
    file.write_text(page)
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *("--window-size=1200,1000", "--enable-logging=stderr", "--virtual-time-budget=20000"),
        *(*options, file.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    logged = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, logged


def page_of(scores=None, **options):
    scores = whole_study() if scores is None else scores
    return explorer_page(
        learning_curves(scores), "A </script> study <!--<script>", strategies=STRATEGIES, **options
    )


def test_one_file_that_is_the_same_each_time():
    page = page_of(names={"d": "Screen <!--<script>"}, simulated=["d"])
    assert page == page_of(names={"d": "Screen <!--<script>"}, simulated=["d"])
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=[\"']?(https?:)?//", page)
    assert len(page) < 1_100_000
    text = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)[1]
    data = json.loads(text)
    assert data["names"] == {"d": "Screen <!--<script> (simulated)"}
    assert data["curves"]["d"]["mse"]["gears"]["random"][0] == [10, 0.85, 0.8, 0.9, 2]
    assert data["references"]["d"]["mse"]["ceiling: split half"] == 0.01
    assert "A &lt;/script&gt; study" in page
    assert "<" not in text  # "<!--<script>" would hide the end of the element


@in_browser
def test_a_selection_changes_plot_and_table(tmp_path):
    page = page_of(names={"d": "Screen <!--<script>"}).rpartition("</body>")
    document, logged = opened(page[0] + READER + page[2], tmp_path, "--dump-dom")
    assert logged == []
    found = re.search(r'<pre id="report">(.*?)</pre>', document, re.S)
    assert found, document[-2000:]
    report = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert report["errors"] == []
    first = report["first"]
    assert len(first["paths"]) == 3
    assert first["caption"].startswith("Pearson r of response, pool mean as reference: higher")
    assert first["rows"][0] == ["strategy", "10 picked", "20 picked", "40 picked", "runs"]
    assert [row[0] for row in first["rows"][1:]] == STRATEGIES  # no floors: they have no such score here
    assert first["references"] == 0  # they have no such score here
    metric = report["metric"]
    cells = ["0.850 [0.800, 0.900]", "0.650 [0.600, 0.700]", "0.450 [0.400, 0.500]"]
    assert metric["rows"][1] == ["random", *cells, "2"]
    assert metric["references"] == 3
    assert metric["rows"][4:] == [
        ["floor: control mean", *["0.900"] * 3, "–"],
        ["floor: training mean", *["0.500"] * 3, "–"],
        ["ceiling: split half", *["0.0100"] * 3, "–"],
    ]
    assert metric["models"] == ["gears", "kernel_ridge"]
    assert metric["paths"] != first["paths"]
    assert metric["axis"] != first["axis"]
    model = report["model"]
    assert model["rows"][1][1] == "0.550 [0.500, 0.600]"
    assert model["paths"] != metric["paths"]
    assert [row[0] for row in report["without"]["rows"][1:3]] == STRATEGIES[1:]
    assert len(report["without"]["paths"]) == 2
    assert report["none"]["paths"] == []
    assert len(report["none"]["rows"]) == 1
    assert len(report["all"]["paths"]) == 3
    assert report["all"]["references"] == 0
    assert [row[0] for row in report["all"]["rows"][1:]] == STRATEGIES


@in_browser
def test_an_empty_study_says_so(tmp_path):
    document, logged = opened(page_of(whole_study().iloc[:0]), tmp_path, "--dump-dom")
    assert logged == []
    assert ">No scores to show.<" in document
