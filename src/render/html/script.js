(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("script");
  var all = function (what, within) { return Array.prototype.slice.call((within || document).querySelectorAll(what)); };
  var findings = all(".finding");

  // The theme is the system's until somebody chooses; the choice is kept where the browser lets a file keep one.
  var theme = document.getElementById("theme");
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var kept = function (value) {
    try {
      if (value) { localStorage.setItem("secaudit-theme", value); }
      return localStorage.getItem("secaudit-theme");
    } catch (refused) { return null; }
  };
  var isDark = function () { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; };
  var label = function () { theme.textContent = isDark() ? "Light" : "Dark"; };
  if (kept() === "dark" || kept() === "light") { root.dataset.theme = kept(); }
  theme.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept(root.dataset.theme);
    label();
  });
  dark.addEventListener("change", label);
  label();

  // A finding is shown when its outcome and its severity are chosen and it holds every word that is searched for.
  var words = document.getElementById("words");
  var chosen = function (filter) {
    return all("[data-filter=" + filter + "] button[aria-pressed=true]").map(function (chip) { return chip.value; });
  };
  var text = findings.map(function (finding) { return finding.textContent.toLowerCase(); });
  var apply = function () {
    var outcomes = chosen("outcome"), severities = chosen("severity");
    var wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    findings.forEach(function (finding, index) {
      var fits = outcomes.indexOf(finding.dataset.outcome) >= 0 && severities.indexOf(finding.dataset.severity) >= 0 &&
        wanted.every(function (word) { return text[index].indexOf(word) >= 0; });
      finding.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    all(".group").forEach(function (group) { group.hidden = !group.querySelector(".finding:not([hidden])"); });
    document.querySelector(".none").hidden = shown > 0;
    document.getElementById("shown").textContent =
      shown === findings.length ? findings.length + " findings" : shown + " of " + findings.length + " findings";
  };
  all(".chips button").forEach(function (chip) {
    chip.addEventListener("click", function () {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") === "true" ? "false" : "true");
      apply();
    });
  });
  words.addEventListener("input", apply);
  apply();

  var fold = document.getElementById("fold");
  fold.addEventListener("click", function () {
    var open = fold.textContent === "Unfold all";
    findings.forEach(function (finding) { finding.open = open; });
    fold.textContent = open ? "Fold all" : "Unfold all";
  });

  // What is folded is printed all the same.
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = findings.filter(function (finding) { return !finding.open; });
    folded.forEach(function (finding) { finding.open = true; });
  });
  window.addEventListener("afterprint", function () { folded.forEach(function (finding) { finding.open = false; }); });

  // A link to a finding opens it.
  var reveal = function () {
    var finding = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (finding && finding.tagName === "DETAILS") { finding.open = true; finding.scrollIntoView(); }
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  if (navigator.clipboard) {
    all(".steps").forEach(function (steps) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(steps.querySelector("code").textContent).then(function () {
          button.textContent = "Copied";
          setTimeout(function () { button.textContent = "Copy"; }, 1500);
        });
      });
      steps.appendChild(button);
    });
  }
})();
