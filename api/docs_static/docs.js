"use strict";

/** `/` goes to the search, unless something is written at the moment. */
addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
  event.preventDefault();
  const question = document.getElementById("q");
  question.focus();
  question.select();
});
