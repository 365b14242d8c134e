// Tabs out of the list of chapters. Without it, and on paper, the page is one long text with links.
(() => {
  const list = document.querySelector("nav ul");
  const tabs = [...list.querySelectorAll("a")];
  const panels = tabs.map((tab) => document.getElementById(`panel-${tab.dataset.tab}`));
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Chapters");

  const open = (place) => {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === place);
      tab.tabIndex = i === place ? 0 : -1;
      panels[i].classList.toggle("is-open", i === place);
    });
    const [tab, frame] = [tabs[place].getBoundingClientRect(), list.getBoundingClientRect()];
    if (tab.left < frame.left || tab.right > frame.right) list.scrollLeft += tab.left - frame.left - 24;
  };
  const openAddressed = () => {
    const name = location.hash.slice(1).split("/")[0];
    const named = tabs.findIndex((tab) => tab.dataset.tab === name);
    const target = document.getElementById(name);
    const holding = panels.findIndex((panel) => target && panel.contains(target));
    if (named < 0 && holding < 0) return;
    open(named < 0 ? holding : named);
    if (named < 0) target.scrollIntoView();
  };

  tabs.forEach((tab, place) => {
    tab.id = `tab-${tab.dataset.tab}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[place].id);
    tab.parentElement.setAttribute("role", "presentation");
    panels[place].setAttribute("role", "tabpanel");
    panels[place].setAttribute("aria-labelledby", tab.id);
    panels[place].tabIndex = 0;
    const choose = () => {
      open(place);
      history.replaceState(null, "", `#${tab.dataset.tab}`);
      if (list.getBoundingClientRect().top <= 0) list.parentElement.scrollIntoView();
    };
    tab.addEventListener("click", (event) => { event.preventDefault(); choose(); });
    tab.addEventListener("focus", () => { if (tab.getAttribute("aria-selected") !== "true") choose(); });
  });
  list.addEventListener("keydown", (event) => {
    const here = tabs.indexOf(document.activeElement);
    const last = tabs.length - 1;
    const to = { ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here === 0 ? last : here - 1, Home: 0, End: last };
    if (here < 0 || !(event.key in to)) return;
    event.preventDefault();
    tabs[to[event.key]].focus({ preventScroll: true });
  });
  window.addEventListener("hashchange", openAddressed);
  open(0);
  openAddressed();
})();
