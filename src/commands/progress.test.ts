import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { showProgress } from './progress.ts';

function start(t: TestContext, options: { readonly isTerminal: boolean; readonly quiet: boolean }) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let written = '';
  let clock = 0;
  const stderr = {
    write: (text: string) => {
      written += text;
    },
    isTerminal: options.isTerminal,
    columns: 40,
  };
  const progress = showProgress(
    { stderr, quiet: options.quiet, monotonicMs: () => clock },
    'checking namespace shop',
  );
  return {
    progress,
    written: () => written,
    pass: (ms: number) => {
      clock += ms;
      t.mock.timers.tick(ms);
    },
  };
}

test('a line appears when it takes long, counts, fits the terminal, and is gone at the end', (t) => {
  const { progress, written, pass } = start(t, { isTerminal: true, quiet: false });
  pass(600);
  assert.equal(written(), '', 'who waits briefly sees nothing');
  pass(200);
  assert.equal(written(), '\r\u{1b}[Kchecking namespace shop: 0 s');
  progress.found();
  progress.found();
  progress.done();
  pass(200);
  assert.ok(written().endsWith('\r\u{1b}[Kchecking namespace shop: 1 of 2 workloa'));
  progress[Symbol.dispose]();
  assert.ok(written().endsWith('\r\u{1b}[K'));
  const before = written();
  pass(1000);
  assert.equal(written(), before, 'nothing comes after the end');
});

for (const options of [
  { isTerminal: false, quiet: false },
  { isTerminal: true, quiet: true },
]) {
  test(`nothing is written where ${options.quiet ? 'the log is' : 'there is no terminal'}`, (t) => {
    const { progress, written, pass } = start(t, options);
    pass(5000);
    progress[Symbol.dispose]();
    assert.equal(written(), '');
  });
}
