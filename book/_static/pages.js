// What the theme leaves undone for a phone and for a keyboard.
document.addEventListener("click", ({ target }) => {
  // A section that is chosen in the drawer is not to stay behind it.
  const drawer = target.closest("dialog[open]");
  if (drawer && target.closest("a[href^='#']")) drawer.close();

  // The theme drops the focus, and says nothing of the new mode.
  const button = target.closest(".theme-switch-button");
  if (button) {
    setTimeout(() => {
      button.setAttribute("aria-label", `Color mode: ${document.documentElement.dataset.mode}`);
      button.focus();
    });
  }
});
