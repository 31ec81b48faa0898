/** Curves over epochs, drawn in the browser as epochs come, and a table of the latest figures. */
import { outputLabels, runColor } from 'deit-lt/browser';
import {
  accuracyNames,
  accuracyPlot,
  columnsExplained,
  expertsPlot,
  fewWarning,
  type GroupFigures,
  lossPlots,
  withInterval,
} from 'deit-lt/browser-studio';
import { useState } from 'preact/hooks';
import type { ChosenRun } from './chosen.js';
import { Drawing } from './drawing.js';

type Output = keyof typeof outputLabels;
const outputs = Object.keys(outputLabels) as Output[];

export function Curves({ runs }: { readonly runs: readonly ChosenRun[] }) {
  const [output, setOutput] = useState<Output>('avg');
  const tips = { tips: true };
  const hasExperts = runs.some(({ records }) => records.some(({ evaluation }) => evaluation?.dist));
  const shown = hasExperts ? output : 'avg';
  return (
    <>
      <LatestFigures runs={runs} />
      {hasExperts && (
        <fieldset class="choice" aria-label="Whose accuracy">
          {outputs.map((name) => (
            <button type="button" key={name} aria-pressed={name === output} onClick={() => setOutput(name)}>
              {outputLabels[name]}
            </button>
          ))}
        </fieldset>
      )}
      <div class="drawings">
        <Drawing options={accuracyPlot(runs, shown, tips)} />
        {lossPlots(runs, ({ view }) => view.kind === 'teacher', tips).map((options) => (
          <Drawing key={options.id} options={options} />
        ))}
        {runs.map((run) => (
          <Drawing key={run.id} options={expertsPlot(run, tips)} />
        ))}
      </div>
      {runs.every(({ records }) => records.length === 0) && <p class="faint">No epoch is done yet.</p>}
    </>
  );
}

interface Row {
  readonly run: ChosenRun;
  readonly output: Output;
  readonly epoch: number;
  readonly figures: GroupFigures;
  readonly split: 'test' | 'validation';
}

function LatestFigures({ runs }: { readonly runs: readonly ChosenRun[] }) {
  const rows = runs.flatMap((run): Row[] => {
    const last = run.records.findLast(({ evaluation }) => evaluation !== undefined);
    return outputs.flatMap((output) => {
      const figures = last?.evaluation?.[output];
      return figures === undefined
        ? []
        : [{ run, output, epoch: last!.epoch + 1, figures, split: last!.evaluatedOn ?? 'test' }];
    });
  });
  if (rows.length === 0) return null;
  const warnings = new Set(rows.flatMap(({ figures, split }) => fewWarning(figures.few, split) ?? []));
  return (
    <section class="scroll" aria-label="Latest figures">
      <table>
        <thead>
          <tr>
            {['latest evaluation, %', 'epoch', ...accuracyNames].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ run, output, epoch, figures }) => (
            <tr key={`${run.id} ${output}`}>
              <th scope="row">
                <span class="swatch" style={{ background: runColor(run.place) }} />
                {run.name}
                {run.view.kind === 'student' && ` ${outputLabels[output]}`}
              </th>
              <td>{epoch}</td>
              {accuracyNames.map((name) => (
                <td key={name}>{withInterval(figures[name], figures.few && figures.intervals?.[name])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint">{columnsExplained}.</p>
      {[...warnings].map((warning) => (
        <p key={warning}>{warning}</p>
      ))}
    </section>
  );
}
