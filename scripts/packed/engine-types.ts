// Compiled, not run: a program of a user of the engine, with ES2022 and no types of Node or of a browser.
import * as torch from '@deit-lt/torch';

const model = new torch.nn.Sequential(new torch.nn.Linear(2, 3), new torch.nn.GELU());
const logits: torch.Tensor = torch.tidy(() => model.call(torch.zeros(4, 2)));
export const total: number = logits.sum().toNumber();
export const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 1e-3 });
export const saved: Map<string, torch.Tensor> = torch.safetensors.deserialize(new Uint8Array(0));
logits[Symbol.dispose]();

// @ts-expect-error a type that accepts everything would accept this too
export const wrong: string = logits.sum().toNumber();
