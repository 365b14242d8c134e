// Copy buttons: by the clipboard where it may be used, else by selecting the text.
(() => {
  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    let back;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        select(source);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      }
      clearTimeout(back);
      back = setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
})();
