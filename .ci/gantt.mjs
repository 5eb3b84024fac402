// Reads the diagram of each summary with Mermaid's own parser and prints its tasks; fails on one that has none.
import { readFileSync } from 'node:fs';
import { JSDOM } from 'jsdom';

globalThis.window = new JSDOM('<!doctype html>').window;
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  const drawn = text.match(/```mermaid\n([\s\S]*?)```/);
  if (!drawn) throw new Error(`${file}: no diagram`);
  await mermaid.parse(drawn[1]);
  const diagram = await mermaid.mermaidAPI.getDiagramFromText(drawn[1]);
  const tasks = diagram.db.getTasks();
  const attempts = text.match(/^ {2}\d+ .* :/gm) ?? [];
  if (tasks.length === 0 || tasks.length !== attempts.length) {
    throw new Error(`${file}: ${attempts.length} attempts, ${tasks.length} tasks`);
  }
  for (const task of tasks) {
    const seconds = (task.endTime - task.startTime) / 1000;
    if (!(seconds >= 1)) throw new Error(`${file}: ${task.task} takes ${seconds}s`);
    console.log(`${task.task.trim()}: from ${task.startTime.toTimeString().slice(0, 8)}, ${seconds}s`);
  }
}
