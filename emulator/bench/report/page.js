"use strict";
const said = document.getElementById("said");

function tell(text) {
  said.textContent = text;
  setTimeout(() => { said.textContent = ""; }, 2000);
}

function select(code) {
  const range = document.createRange();
  range.selectNodeContents(code);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

for (const button of document.querySelectorAll("button[hidden]")) {
  const code = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener("click", () => {
    const failed = () => { select(code); tell("Press Ctrl+C to copy"); };
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => tell("Copied"), failed);
    else failed();
  });
}
