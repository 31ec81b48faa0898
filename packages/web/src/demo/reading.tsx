/** How to read the page, and what it is made of. */
import type { PageModel } from 'deit-lt/browser';

export function Reading({ model }: { model: PageModel | undefined }) {
  return (
    <footer>
      <details>
        <summary>How to read this</summary>
        <p>
          The bars are probabilities: the softmax of the model's logits, or of the mean of both experts' logits for the
          prediction. A DeiT-LT student has two experts. CLS learned from the labels and knows the classes with many
          images best; DIST learned from a convolutional teacher, with the rare classes weighted up.
        </p>
        <p>
          The maps are attention rollout (Abnar and Zuidema, 2020): how much of each patch reaches the expert's token
          through all blocks, with the heads averaged and the residual branch counted as much as attention. Strong is
          most of this image, not a measure to compare images by.
        </p>
        <p>
          Images are cut and resized here as by <code>deit-lt predict</code>, so that both say the same.
        </p>
      </details>
      <p class="faint">
        Everything runs in this browser: no image leaves it. Made with deit-lt{model && ` ${model.version}`}; licences
        of what else is in this page: <a href="./licenses.md">Preact</a>,{' '}
        <a href="./onnxruntime-web.txt">onnxruntime-web</a>.
      </p>
    </footer>
  );
}
