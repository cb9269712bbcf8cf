// Draws the figures of lossbook.interactive: a Vega-Lite chart, and a labeled slider for
// each of its parameters. Vega is fetched only by pages that have such a figure.
(() => {
  "use strict";
  const vendor = new URL("../vendor/vega/", document.currentScript.src);

  // The page's own color for all but the data: right in light, in the dark and in print.
  const ink = "currentColor";
  const axis = { labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink };
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 13, titleFontSize: 13 };
  const config = {
    background: "transparent",
    view: { stroke: null },
    // The chart's description stands for the whole; its parts would be read one by one.
    mark: { aria: false },
    axis: { ...axis, ...text, titleFontWeight: "normal", gridColor: ink, gridOpacity: 0.15, aria: false },
    legend: { ...text, aria: false },
    title: { color: ink, aria: false },
    text: { color: ink, fontSize: 13 },
    rule: { color: ink },
  };

  function load(name) {
    return new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = new URL(name, vendor);
      script.async = false; // fetched together, run in this order
      script.onload = done;
      script.onerror = () => fail(new Error(`${script.src} did not load`));
      document.head.append(script);
    });
  }

  function slider({ name, value, bind }, changed) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const output = document.createElement("output");
    const { min, max, step } = bind;
    Object.assign(input, { type: "range", name, min, max, step, value });
    label.append(bind.name, input, output);
    const digits = (String(step).split(".")[1] || "").length;
    input.addEventListener("input", () => changed());
    return { label, input, show: () => { output.value = input.valueAsNumber.toFixed(digits).replace("-", "−"); } };
  }

  // The table's row for the sliders' values, in words.
  function rowOf(table, values) {
    const fits = (row) => values.every((v, i) => Math.abs(parseFloat(row.cells[i].textContent) - v) < 1e-6);
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const row = [...table.tBodies[0].rows].find(fits);
    return { row, words: row && [...row.cells].map((cell, i) => `${heads[i]} ${cell.textContent}`).join(", ") };
  }

  async function draw(lab) {
    const spec = JSON.parse(lab.querySelector("script").textContent);
    const table = lab.querySelector("table");
    const place = lab.querySelector(".lossbook-lab-view");
    const bound = spec.params.filter((param) => param.bind);
    const controls = bound.map((param) => slider(param, update));
    for (const param of bound) delete param.bind;
    spec.width = "container";
    const chart = document.createElement("div");
    place.replaceChildren(...controls.map((control) => control.label), chart);
    const font = getComputedStyle(place).fontFamily;
    const compiled = vegaLite.compile(spec, { config: { ...config, font } }).spec;
    const view = new vega.View(vega.parse(compiled), {
      container: chart,
      renderer: "svg",
      hover: true,
    });
    async function update() {
      const { row, words } = rowOf(table, controls.map(({ input }) => input.valueAsNumber));
      for (const old of table.querySelectorAll("[aria-current]")) old.removeAttribute("aria-current");
      row?.setAttribute("aria-current", "true");
      for (const { input, show } of controls) {
        show();
        if (words) input.setAttribute("aria-valuetext", words);
        view.signal(input.name, input.valueAsNumber);
      }
      await view.runAsync();
    }
    await update();
    lab.dataset.live = "";
  }

  async function start() {
    const labs = [...document.querySelectorAll(".lossbook-lab")];
    if (!labs.length) return;
    await Promise.all(["vega.min.js", "vega-lite.min.js"].map(load));
    for (const lab of labs) await draw(lab);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
