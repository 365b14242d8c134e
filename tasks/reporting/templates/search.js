// Search in tables of turns: a row is shown if it holds every word that was typed.
(() => {
  for (const root of document.querySelectorAll(".searched")) {
    const [box, all, said] = [root.querySelector("input"), root.querySelector("button"), root.querySelector("[role=status]")];
    const rows = [...root.querySelectorAll("tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase() }));
    const label = all.textContent;
    let isAll = false;
    const show = () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        n += !row.hidden;
      }
      root.classList.toggle("is-all", isAll || words.length > 0);
      for (const table of root.querySelectorAll("table")) {
        table.classList.toggle("is-empty", words.length > 0 && !table.querySelector("tbody tr:not([hidden])"));
      }
      all.hidden = words.length > 0;
      all.textContent = isAll ? "Show fewer" : label;
      said.textContent = words.length ? `${n} of ${rows.length} turns found` : "";
    };
    box.addEventListener("input", show);
    box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.value = ""; show(); } });
    all.addEventListener("click", () => { isAll = !isAll; show(); });
  }
})();
