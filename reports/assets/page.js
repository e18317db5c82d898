"use strict";
// Draws each figure from the option in the JSON element beside it, in the colours of the page, and again when the
// reader changes the theme. Nothing is loaded: everything that a page shows is in it.
(function () {
	const root = document.documentElement;
	const plots = [];

	function colour(name) { return getComputedStyle(root).getPropertyValue("--" + name).trim(); }

	function digits(value) {
		if (typeof value !== "number") return value === undefined || value === "-" ? "–" : String(value);
		return value.toLocaleString("en", { maximumSignificantDigits: 4 });
	}

	function themed(option) {
		const soft = colour("soft"), rule = colour("rule"), ink = colour("ink");
		const out = structuredClone(option);
		out.color = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"].map(colour);
		out.backgroundColor = "transparent";
		out.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily };
		out.legend = Object.assign(out.legend || {}, {
			textStyle: { color: soft, lineHeight: 20 }, inactiveColor: rule, pageTextStyle: { color: soft }, pageIconColor: soft, pageIconInactiveColor: rule,
			itemWidth: 18, itemHeight: 8,
		});
		out.tooltip = Object.assign(out.tooltip || {}, {
			valueFormatter: digits, confine: true, order: "valueDesc", backgroundColor: colour("sheet"), borderColor: rule,
			textStyle: { color: ink, fontSize: 12 }, axisPointer: { lineStyle: { color: soft } },
			extraCssText: "max-height:16rem;overflow:hidden",
		});
		for (const key of ["xAxis", "yAxis"]) {
			for (const axis of [].concat(out[key] || [])) {
				axis.nameTextStyle = { color: soft };
				if (key === "yAxis") axis.nameGap = 10;
				axis.axisLabel = Object.assign(axis.axisLabel || {}, { color: soft, hideOverlap: true });
				if (axis.type !== "category" && axis.type !== "time") axis.axisLabel.formatter = digits;
				axis.axisLine = { lineStyle: { color: rule } };
				axis.axisTick = { show: false };
				axis.splitLine = Object.assign({ lineStyle: { color: rule } }, axis.splitLine || { show: key === "yAxis" });
			}
		}
		for (const series of [].concat(out.series || [])) {
			for (const part of ["lineStyle", "itemStyle"]) {
				if (series[part] && /^c\d+$/.test(series[part].color)) series[part].color = colour(series[part].color);
			}
			for (const area of series.markArea ? series.markArea.data : []) {
				area[0].itemStyle.color = colour(area[0].itemStyle.color);
				area[0].label = { color: soft };
			}
			if (series.markLine) series.markLine.lineStyle = { color: soft, type: "dotted" };
		}
		return out;
	}

	function draw() {
		for (const plot of plots) plot.chart.setOption(themed(plot.option), { notMerge: true });
	}

	for (const element of document.querySelectorAll(".plot")) {
		const option = JSON.parse(document.getElementById(element.id + "-option").textContent);
		plots.push({ option, chart: echarts.init(element, null, { renderer: "svg" }) });
	}
	draw();

	window.addEventListener("resize", function () { for (const plot of plots) plot.chart.resize(); });
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
	document.getElementById("theme").addEventListener("click", function () {
		const dark = root.dataset.theme ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
		root.dataset.theme = dark ? "light" : "dark";
		draw();
	});

	const search = document.getElementById("search");
	if (search) {
		search.addEventListener("input", function () {
			const words = search.value.toLowerCase().split(/\s+/);
			for (const row of document.querySelectorAll("#runs tbody tr")) {
				const text = row.textContent.toLowerCase();
				row.hidden = !words.every(function (word) { return text.includes(word); });
			}
		});
	}
})();
