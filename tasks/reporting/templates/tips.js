// Tips over the marks of a chart. Without it the page loses nothing: every chart has its numbers as a table.
(() => {
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (!mark) { hide(); return; }
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const at = mark.getBoundingClientRect();
    const widest = document.documentElement.clientWidth - box.width - 8;
    const left = Math.max(8, Math.min(event.clientX - box.width / 2, widest));
    const top = at.top - box.height - 6;
    tip.style.transform = `translate(${left}px, ${top < 8 ? at.bottom + 6 : top}px)`;
  });
  document.addEventListener("scroll", hide, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
