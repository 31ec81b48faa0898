/** An explanation of the page, and of the model behind it. */
import type { PageModel } from 'deit-lt/browser';

export function Reading({ model }: { model: PageModel | undefined }) {
  return (
    <footer>
      <details>
        <summary>How to read this</summary>
        <p>
          The bars are probabilities, the softmax of the model's logits. A DeiT-LT student has two classifiers. CLS was
          trained on the labels and is best on classes with many training images. DIST was trained on the predictions of
          a CNN, with a higher weight for rare classes. The prediction is the average of their logits
          {model?.rules && ', or what "deit-lt adapt" fitted'}.
        </p>
        {model?.rules && (
          <p>
            This model was adapted with <code>deit-lt adapt</code>. Where it has thresholds, an answer below that of its
            class is "unknown". Where it has a coverage, the set of classes contains the true class of that share of the
            images.
          </p>
        )}
        <p>
          The maps show attention rollout (Abnar and Zuidema, 2020): how much each patch contributes to the CLS or DIST
          token through all blocks. The heads are averaged, and the residual branch has the same weight as the
          attention. Each map is scaled to its own maximum, so maps of different images cannot be compared.
        </p>
        <p>
          Images are cropped and resized as by <code>deit-lt predict</code>, so that both give the same result.
        </p>
      </details>
      <p class="faint">
        Everything runs in this browser: no image leaves it. Made with deit-lt{model && ` ${model.version}`}; licences
        of the packages in this page: <a href="./licenses.md">Preact</a>,{' '}
        <a href="./onnxruntime-web.txt">onnxruntime-web</a>.
      </p>
    </footer>
  );
}
