// Reads a script of PowerShell with the grammar that editors use, and prints each place that is no PowerShell: LINE WHAT.
// The packages are where $BROWSER_MODULES is.
import { readFileSync } from "fs";
import { createRequire } from "module";
import { join } from "path";
import { pathToFileURL } from "url";

const modules = process.env.BROWSER_MODULES;
const require = createRequire(pathToFileURL(join(modules, "..", "package.json")));
const { Parser, Language } = require("web-tree-sitter");

await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(join(modules, "tree-sitter-powershell", "tree-sitter-powershell.wasm")));

function walk(node) {
	if (node.isError || node.isMissing)
		console.log(`${node.startPosition.row + 1} ${node.text.slice(0, 80).replaceAll("\n", " ")}`);
	node.children.forEach(walk);
}
const tree = parser.parse(readFileSync(process.argv[2], "utf8"));
walk(tree.rootNode);
if (tree.rootNode.hasError)
	process.exitCode = 1;
