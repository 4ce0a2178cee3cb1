"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const FIRST = 48; // examples that are seen before "Show all"
  const percent = (value) => `${(100 * value).toFixed(2)}%`;
  const thousands = d3.format(",");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ---- charts -------------------------------------------------------------------------------

  const style = { fontSize: "12px", fontFamily: "inherit", background: "transparent", overflow: "visible" };
  const tip = { fill: "var(--card)", stroke: "var(--line)", fontSize: 12, lineHeight: 1.35, textPadding: 9 };
  const HUES = 10; // of the scheme that several runs are told apart by
  const LARGEST = 84; // pixels, of a cell of a confusion matrix

  // Names as they stand beside an axis: of so many characters at the most.
  const cut = (nameOf, most) => (index) => {
    const name = nameOf(index);
    return name.length > most ? `${name.slice(0, Math.floor(most) - 1)}…` : name;
  };

  // 1, 2, 5, 10 ...; over less than a decade, evenly.
  function logTicks(low, high) {
    const powers = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
    const ticks = powers.flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
    const within = ticks.filter((tick) => tick >= low && tick <= high);
    return within.length > 2 ? within : d3.ticks(low, high, 6);
  }

  function curveRows(metric) {
    const rows = [];
    for (const run of data.curves) {
      for (const [name, split] of [[metric, "training"], [`val_${metric}`, "validation"]]) {
        (run.history[name] || []).forEach((value, index) => {
          if (value !== null) rows.push({ run: run.name, epoch: index + 1, value, split });
        });
      }
    }
    return rows;
  }

  function curves(metric) {
    const rows = curveRows(metric);
    const several = data.curves.length > 1;
    const stroke = several ? "run" : "var(--accent)";
    const of = (split) => rows.filter((row) => row.split === split);
    const share = metric === "accuracy";
    const text = (value) => (share ? percent(value) : d3.format(".4~g")(value));
    const log = metric === "loss" && rows.every((row) => row.value > 0);
    const [low, high] = d3.extent(rows, (row) => row.value);
    const last = d3.max(rows, (row) => row.epoch) || 1;
    return (width) => ({
      width,
      height: 280,
      marginLeft: 46,
      marginRight: 12,
      marginBottom: 36,
      x: {
        label: "epoch", labelAnchor: "center", labelArrow: "none", domain: last > 1 ? [1, last] : [0, 2], tickSize: 0, tickPadding: 8,
        ticks: d3.ticks(1, last, Math.min(last, width / 70)).filter(Number.isInteger), tickFormat: "d",
      },
      y: {
        label: null, grid: true, tickSize: 0, nice: share, type: log ? "log" : "linear",
        tickFormat: share ? (value) => d3.format(".3~%")(value) : (value) => d3.format("~g")(value),
        ticks: log ? logTicks(low, high) : 6,
      },
      color: several ? { legend: true, scheme: data.curves.length > HUES ? "turbo" : "observable10" } : undefined,
      marks: [
        Plot.lineY(of("training"), { x: "epoch", y: "value", z: "run", stroke, strokeWidth: 1.5, strokeDasharray: "4 4", strokeOpacity: 0.75 }),
        Plot.lineY(of("validation"), { x: "epoch", y: "value", z: "run", stroke, strokeWidth: 2 }),
        last < 60 ? Plot.dot(of("validation"), { x: "epoch", y: "value", fill: stroke, r: 2.5 }) : null,
        last === 1 ? Plot.dot(of("training"), { x: "epoch", y: "value", stroke, r: 3 }) : null,
        Plot.tip(rows, Plot.pointer({
          x: "epoch", y: "value", ...tip,
          title: (row) => `${several ? `${row.run}\n` : ""}epoch ${row.epoch}\n${row.split} ${text(row.value)}`,
        })),
      ],
    });
  }

  function confusion() {
    const { drawn, cells } = data.matrix;
    const names = data.classes;
    const rows = cells.map(([truth, said, count]) => ({
      truth, said, count, share: count / data.support[truth], href: `#cell-${truth}-${said}`,
      // By its root: one mistake in a hundred is to be seen.
      opacity: 0.1 + 0.9 * Math.sqrt(count / data.support[truth]),
    }));
    return (width) => {
      const short = cut((index) => names[index], Math.min(16, width / 32));
      const longest = d3.max(drawn, (index) => short(index).length) || 1;
      const left = 14 + longest * 7;
      const side = Math.min(LARGEST, (width - left) / drawn.length);
      const upright = longest * 7 > side;
      const top = upright ? 14 + longest * 7 : 28;
      const digits = d3.max(rows, (row) => thousands(row.count).length) || 1;
      const font = Math.max(7, Math.min(12, side * 0.4, (side - 4) / (0.6 * digits)));
      const fits = (row) => side > 15 && thousands(row.count).length * font * 0.6 < side;
      const cell = { x: "said", y: "truth", inset: 0.5, href: "href", rx: Math.min(3, side / 8) };
      const number = { x: "said", y: "truth", text: (row) => thousands(row.count), fontSize: font, pointerEvents: "none" };
      const kept = rows.filter(fits);
      return {
        width: left + side * drawn.length,
        height: top + side * drawn.length + 6,
        marginLeft: left,
        marginTop: top,
        marginRight: 0,
        marginBottom: 6,
        x: { domain: drawn, axis: "top", tickFormat: short, tickRotate: upright ? -90 : 0, label: null, tickSize: 0, padding: 0 },
        y: { domain: drawn, tickFormat: short, label: null, tickSize: 0, padding: 0 },
        opacity: { type: "identity" },
        marks: [
          Plot.frame({ stroke: "var(--line)" }),
          Plot.cell(rows.filter((row) => row.truth === row.said), { ...cell, fill: "var(--accent)", fillOpacity: "opacity", ariaLabel: label }),
          Plot.cell(rows.filter((row) => row.truth !== row.said), { ...cell, fill: "var(--bad)", fillOpacity: "opacity", ariaLabel: label }),
          Plot.text(kept.filter((row) => row.opacity < 0.6), { ...number, fill: "var(--ink)" }),
          Plot.text(kept.filter((row) => row.opacity >= 0.6), { ...number, fill: "var(--on-strong)" }),
          Plot.tip(rows, Plot.pointer({ x: "said", y: "truth", ...tip, maxRadius: side, pointerEvents: "none", title: label })),
        ],
      };
    };

    function label(row) {
      const images = `${thousands(row.count)} ${row.count === 1 ? "image" : "images"}, ${percent(row.share)} of “${names[row.truth]}”`;
      return row.truth === row.said ? `${names[row.truth]}: right\n${images}` : `“${names[row.truth]}” taken for “${names[row.said]}”\n${images}`;
    }
  }

  const bins = () => data.reliability.map(([low, high, count, confidence, accuracy]) => ({ low, high, count, confidence, accuracy }));
  const shares = { label: "confidence", labelAnchor: "center", labelArrow: "none", domain: [0, 1], tickFormat: "%", ticks: 5, tickSize: 0, tickPadding: 8 };
  const overConfidence = (width) => ({ width, height: Math.min(width, 360), marginLeft: 46, marginBottom: 36, x: shares });

  function reliability() {
    const rows = bins().filter((bin) => bin.count);
    return (width) => ({
      ...overConfidence(width),
      y: { domain: [0, 1], tickFormat: "%", grid: true, label: null, ticks: 5, tickSize: 0 },
      marks: [
        Plot.rect(rows, { x1: "low", x2: "high", y1: 0, y2: "accuracy", fill: "var(--accent)", fillOpacity: 0.75, inset: 0.5 }),
        Plot.line([[0, 0], [1, 1]], { stroke: "var(--quiet)", strokeDasharray: "3 4" }),
        Plot.dot(rows, { x: "confidence", y: "accuracy", fill: "var(--ink)", r: 2.5 }),
        Plot.tip(rows, Plot.pointer({
          x: "confidence", y: "accuracy", ...tip,
          title: (bin) => `${thousands(bin.count)} images\nsays ${percent(bin.confidence)}\nis right ${percent(bin.accuracy)}`,
        })),
      ],
    });
  }

  function confidence() {
    const rows = bins();
    return (width) => ({
      ...overConfidence(width),
      y: { grid: true, label: null, ticks: 5, tickFormat: (value) => d3.format("~s")(value), tickSize: 0 },
      marks: [
        Plot.rect(rows, {
          x1: "low", x2: "high", y1: 0, y2: "count", fill: "var(--quiet)", fillOpacity: 0.55, inset: 0.5,
          title: (bin) => `${thousands(bin.count)} images`, tip,
        }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
      ],
    });
  }

  function intervals(rows, what) {
    const records = rows.map(([name, value, low, high], index) => ({ key: index, name, value, low, high }));
    const text = (row) => `${row.name}\n${what} ${percent(row.value)}${row.low === null ? "" : `\n${percent(row.low)} to ${percent(row.high)}`}`;
    const bounded = records.filter((row) => row.low !== null);
    return (width) => {
      const short = cut((index) => records[index].name, Math.min(24, width / 22));
      const longest = d3.max(records, (row) => short(row.key).length) || 1;
      return {
        width,
        height: 44 + 22 * records.length,
        marginLeft: 14 + longest * 7,
        marginRight: 18,
        marginBottom: 34,
        x: { grid: true, tickFormat: (value) => d3.format(".3~%")(value), label: null, nice: true, tickSize: 0, ticks: Math.max(3, Math.round(width / 110)) },
        y: { domain: d3.range(records.length), tickFormat: short, label: null, tickSize: 0 },
        marks: [
          Plot.ruleY(bounded, { x1: "low", x2: "high", y: "key", stroke: "var(--accent)", strokeWidth: 2, strokeOpacity: 0.5 }),
          Plot.dot(records, { x: "value", y: "key", fill: "var(--accent)", r: 4 }),
          Plot.tip(records, Plot.pointer({ x: "value", y: "key", ...tip, title: text })),
        ],
      };
    };
  }

  const charts = {
    loss: () => curves("loss"),
    accuracy: () => curves("accuracy"),
    mean_average_precision: () => curves("mean_average_precision"),
    confusion,
    reliability,
    confidence,
    recall: () => intervals(data.recall, "recall"),
    accuracies: () => intervals(data.accuracies, "test accuracy"),
    precisions: () => intervals(data.precisions, "average precision"),
  };

  // Drawn anew where the width changes, and only then.
  const seen = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const width = Math.floor(contentRect.width);
      if (!width || target.dataset.width === String(width)) continue;
      target.dataset.width = width;
      target.replaceChildren(Plot.plot({ style, ...target.options(width) }));
    }
  });
  for (const target of all("[data-chart]")) {
    target.options = charts[target.dataset.chart]();
    seen.observe(target);
  }

  // ---- examples -----------------------------------------------------------------------------

  const gallery = document.querySelector(".gallery");
  if (gallery) {
    const items = all("li", gallery);
    const status = document.querySelector(".chosen");
    const more = document.querySelector(".more");
    for (const image of all("img[src^='data:image/jpeg']", gallery)) image.className = "photo";

    const matching = () => {
      const cell = /^#cell-(\d+)-(\d+)$/.exec(location.hash);
      const [, truth, said] = cell || [];
      const wanted = (item) => cell
        ? item.dataset.true === truth && item.dataset.said === said
        : item.dataset.true !== item.dataset.said;
      return { cell, truth, said, found: items.filter(wanted) };
    };
    const show = (most) => {
      const { cell, truth, said, found } = matching();
      const kept = new Set(found.slice(0, most));
      for (const item of items) item.hidden = !kept.has(item);
      more.hidden = kept.size === found.length;
      more.textContent = `Show all ${found.length}`;
      status.replaceChildren();
      if (!cell) {
        status.append(status.dataset.all, found.length && found.length < Number(gallery.dataset.wrong) ? `; ${found.length} of them are here` : "");
        return;
      }
      const name = (index) => data.classes[Number(index)] ?? "?";
      const words = document.createElement("b");
      words.textContent = truth === said ? `“${name(truth)}”, right and least sure of it:` : `“${name(truth)}” taken for “${name(said)}”:`;
      const back = document.createElement("a");
      back.href = "#examples";
      back.textContent = "show all mistakes";
      // The file does not hold every image of a large cell.
      const whole = data.matrix.cells.find((one) => one[0] === Number(truth) && one[1] === Number(said));
      const count = whole ? whole[2] : found.length;
      const some = found.length < count ? `${found.length} of ${thousands(count)}` : found.length;
      status.append(words, ` ${some} ${count === 1 ? "image" : "images"}`, back);
    };
    more.addEventListener("click", () => show(Infinity));
    window.addEventListener("hashchange", () => {
      show(FIRST);
      if (matching().cell) document.getElementById("examples").scrollIntoView();
    });
    show(FIRST);
    if (matching().cell) document.getElementById("examples").scrollIntoView();
  }

  // ---- tables -------------------------------------------------------------------------------

  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const valueOf = (cell) => {
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(text);
    return { text, number: text === "" || Number.isNaN(number) ? null : number };
  };

  for (const table of all("table.sortable")) {
    const headings = all("thead th", table);
    headings.forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => {
        const before = heading.getAttribute("aria-sort");
        // Numbers the largest first, names from A.
        const usual = heading.classList.contains("number") ? "descending" : "ascending";
        const other = usual === "ascending" ? "descending" : "ascending";
        const direction = before === usual ? other : usual;
        for (const one of headings) one.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        const rows = all("tbody tr", table).map((row) => ({ row, key: valueOf(row.cells[column]) }));
        rows.sort((a, b) => {
          if (a.key.text === "" || b.key.text === "") return (a.key.text === "") - (b.key.text === "");
          if (a.key.number !== null && b.key.number !== null) return sign * (a.key.number - b.key.number);
          return sign * order.compare(a.key.text, b.key.text);
        });
        table.tBodies[0].append(...rows.map(({ row }) => row));
      });
    });
  }

  for (const input of all("input[data-filters]")) {
    const table = document.getElementById(input.dataset.filters);
    const count = document.querySelector(`[data-counts="${input.dataset.filters}"]`);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      const rows = all("tbody tr", table);
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = wanted ? `${left} of ${rows.length}` : "";
    });
  }
})();
