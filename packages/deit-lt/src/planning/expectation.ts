/** Expectations for the smallest class, and how exactly its accuracy can be measured. */
import { wilsonInterval } from '../evaluation/intervals.js';

/** Images of the smallest class from which on photographs of it were recognised: CIFAR-10-LT has 50, 83 and 139 in its tail. */
const enough = 50;
const some = 20;
/** Below this a network that starts from random weights learns the images, not the class. */
const few = 5;

/** Returns a sentence about a class of `train` training images. */
export function expectationOf(train: number): string {
  if (train < few)
    return 'too few to learn a class from: expect that it is rarely recognised, unless its images look nearly alike. Add images, or merge it with another class';
  if (train < some)
    return "this suffices for simple drawings (82 % of the quickstart's classes with 10 to 27 images were recognised), for photographs usually not. Add images if you can";
  if (train < enough) return 'an uncertain range for photographs: expect clearly less than of the larger classes';
  return 'in CIFAR-10-LT, classes of 50 to 139 photographs were recognised about as well as the others (69 %)';
}

/** Returns half the width of the 95 % interval of an accuracy near 50 % that is measured on `images`, in points. */
export function uncertaintyOf(images: number): number {
  const { low, high } = wilsonInterval(images / 2, images);
  return 50 * (high - low);
}
