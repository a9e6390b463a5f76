"use strict";
const find = (id) => document.getElementById(id);
const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
find("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
});
function option(select, text, value) {
  const made = document.createElement("option");
  made.textContent = text;
  made.value = value;
  select.append(made);
}
