// The threshold explorer: counts the cells of the page again whenever a slider moves.
(() => {
  const root = document.getElementById("explorer");
  if (!root) return;
  const data = JSON.parse(root.dataset.explorer);
  const SUBSETS = ["sensibility", "rationality", "discard"];
  const AXES = ["sensibility", "rationality"];
  const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array };
  const unpack = ([width, text]) => new ARRAYS[width](Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const cells = Object.fromEntries(Object.entries(data.cells).map(([name, column]) => [name, unpack(column)]));
  const nEmotions = data.emotions.length;
  const find = (id) => document.getElementById(id);
  const controls = AXES.map((axis) => ({ range: find(`${axis}-range`), number: find(`${axis}-number`) }));
  const rules = [...root.querySelectorAll("input[name=rule]")];
  const state = { rule: data.start.rule, at: [...data.start.at] };
  const threshold = (axis) => data.grids[axis][state.at[axis]];
  const nearest = (axis, value) => data.grids[axis].reduce(
    (best, t, place, grid) => (Math.abs(t - value) < Math.abs(grid[best] - value) ? place : best), 0);

  // Signs: -1 below a threshold, 0 on it, 1 above it. The rules of tasks/selection/rules.
  const assign = (rule, s, r) => (r > 0 && (rule === "paper" || s < 0) ? 1 : s > 0 && r < 0 ? 0 : 2);

  const count = () => {
    const turns = SUBSETS.map(() => new Float64Array(nEmotions));
    const words = SUBSETS.map(() => new Float64Array(nEmotions));
    turns[2].set(data.removed.n);
    words[2].set(data.removed.words);
    const [s, r] = [2 * state.at[0], 2 * state.at[1]];
    for (let i = 0; i < cells.n.length; i += 1) {
      const subset = assign(state.rule, cells.s[i] - s, cells.r[i] - r);
      turns[subset][cells.emotion[i]] += cells.n[i];
      words[subset][cells.emotion[i]] += cells.words[i];
    }
    return { turns, words };
  };

  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const whole = (n) => n.toLocaleString("en-US");
  const percent = (part, all) => (all ? `${((100 * part) / all).toFixed(1)}\u202f%` : "–");
  const signed = (x) => (x.toFixed(1) === "-0.0" || x >= 0 ? "+" : "\u2212") + Math.abs(x).toFixed(1);
  const write = (name, values) => {
    const row = root.querySelector(`tr[data-subset=${name}]`);
    for (const [key, text] of Object.entries(values)) row.querySelector(`[data-out=${key}]`).textContent = text;
  };

  const showCounts = ({ turns, words }) => {
    const [n, w] = [turns.map(sum), words.map(sum)];
    const [total, mean] = [sum(n), sum(w) / sum(n)];
    SUBSETS.forEach((name, i) => {
      const shift = w[i] / n[i] - mean;
      write(name, {
        turns: whole(n[i]),
        share: percent(n[i], total),
        words: n[i] ? (w[i] / n[i]).toFixed(1) : "–",
        shift: n[i] ? signed(shift) : "–",
      });
    });
    return SUBSETS.map((name, i) => `${name} ${whole(n[i])} turns, ${percent(n[i], total)}`).join("; ");
  };

  const items = [...root.querySelectorAll(".emotions li")].map((item) => ({
    item, bars: item.querySelectorAll("i"), kept: item.querySelector(".kept"),
  }));
  const showEmotions = ({ turns }) => items.forEach(({ item, bars, kept }, place) => {
    const [s, r, d] = turns.map((counts) => counts[place]);
    const all = s + r + d;
    [s, r].forEach((n, i) => { bars[i].style.width = `${all ? (100 * n) / all : 0}%`; });
    kept.textContent = percent(s + r, all);
    item.dataset.tip = `${data.emotions[place]}: ${whole(s + r)} of ${whole(all)} kept, ${whole(s)} sensibility and ${whole(r)} rationality`;
  });

  // The plane: the arithmetic of tasks/reporting/explorer/heat.py.
  const { unit, left, top, low, high } = data.plane;
  const toX = (score) => left + (score - low) * unit;
  const toY = (score) => top + (high - score) * unit;
  const cut = (t) => {
    const [below, above] = data.isWhole ? [Math.ceil(t) - 0.5, Math.floor(t) + 0.5] : [t, t];
    return [[low, below], [below, above], [above, high]];
  };
  const boxes = SUBSETS.map((name) => root.querySelectorAll(`[data-box=${name}]`));
  const showPlane = () => {
    const paths = ["", "", ""];
    cut(threshold(0)).forEach(([x1, x2], s) => cut(threshold(1)).forEach(([y1, y2], r) => {
      if (x2 <= x1 || y2 <= y1) return;
      paths[assign(state.rule, s - 1, r - 1)] += `M${toX(x1)} ${toY(y2)}H${toX(x2)}V${toY(y1)}H${toX(x1)}Z`;
    }));
    paths.forEach((path, i) => boxes[i].forEach((box) => box.setAttribute("d", path)));
    find("line-sensibility").setAttribute("transform", `translate(${toX(threshold(0))} 0)`);
    find("line-rationality").setAttribute("transform", `translate(0 ${toY(threshold(1))})`);
  };

  const showRecipe = () => {
    const [s, r] = [threshold(0), threshold(1)];
    const command =
      `empathy select --rule ${state.rule} --sensibility-threshold ${s} --rationality-threshold ${r} ${data.options}`.trim();
    find("explorer-command").replaceChildren(...command.split(/(?= --)/).map((option) => {  // broken between options only
      const span = document.createElement("span");
      span.textContent = option.trim();
      return span;
    }).flatMap((span, i) => (i ? [" ", span] : [span])));
    const selection = { rule: state.rule, sensibility_threshold: s, rationality_threshold: r, ...data.settings };
    find("explorer-parameters").textContent = JSON.stringify({ selection }, null, 2);
  };

  const showControls = () => {
    rules.forEach((rule) => { rule.checked = rule.value === state.rule; });
    controls.forEach(({ range, number }, axis) => {
      range.value = state.at[axis];
      range.setAttribute("aria-valuetext", threshold(axis));
      if (document.activeElement !== number) number.value = threshold(axis);
    });
    const { rule, at } = data.start;
    find("explorer-reset").disabled = rule === state.rule && at.every((place, axis) => place === state.at[axis]);
  };

  let announcing;
  const update = () => {
    const counts = count();
    const said = showCounts(counts);
    showEmotions(counts);
    showPlane();
    showRecipe();
    showControls();
    clearTimeout(announcing);
    announcing = setTimeout(() => { find("explorer-status").textContent = said; }, 500);
  };
  const remember = () => history.replaceState(null, "", `#selection/${state.rule}/${threshold(0)}/${threshold(1)}`);
  const recall = () => {
    const [tab, rule, ...given] = location.hash.slice(1).split("/");
    const values = given.map(Number);
    if (tab !== "selection" || !rules.some(({ value }) => value === rule) || given.length !== 2) return;
    if (!values.every((value, axis) => given[axis] !== "" && value >= 0 && value <= 10)) return;
    state.rule = rule;
    state.at = values.map((value, axis) => nearest(axis, value));
    update();
  };

  controls.forEach(({ range, number }, axis) => {
    range.addEventListener("input", () => { state.at[axis] = Number(range.value); update(); });
    number.addEventListener("input", () => {
      if (number.value === "") return;
      state.at[axis] = nearest(axis, Number(number.value));
      update();
    });
    number.addEventListener("change", () => { number.value = threshold(axis); });
  });
  rules.forEach((rule) => rule.addEventListener("change", () => { state.rule = rule.value; update(); }));
  root.querySelector("form").addEventListener("change", remember);
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  find("explorer-reset").addEventListener("click", () => {
    state.rule = data.start.rule;
    state.at = [...data.start.at];
    update();
    remember();
    controls[0].range.focus();
  });
  window.addEventListener("hashchange", recall);
  recall();
})();
