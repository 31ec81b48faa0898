// A sampler of one's own: progressively-balanced sampling. In epoch t of T, class j is drawn with probability
// `(1 − t/T)·n_j/N + (t/T)/C`: first as in the data, in the end all classes equally often.
// B. Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020, arXiv 1910.09217.
import { registerSampler, z } from 'deit-lt';

registerSampler({
  name: 'progressively-balanced',
  options: z.object({
    over: z.number().int().positive().default(200).describe('epochs until all classes are drawn equally often'),
  }),
  create:
    ({ over }) =>
    (labels, numClasses, { random, epoch }) => {
      const ofClass = Array.from({ length: numClasses }, () => []);
      labels.forEach((label, image) => {
        ofClass[label].push(image);
      });
      const classes = ofClass.filter((images) => images.length > 0);
      const balanced = Math.min(1, epoch / over);
      // As many images as the data has. `random` is the stream of this epoch: a resumed run draws the same again.
      return labels.map(() => {
        if (!random.chance(balanced)) return random.int(labels.length);
        const images = classes[random.int(classes.length)];
        return images[random.int(images.length)];
      });
    },
});
