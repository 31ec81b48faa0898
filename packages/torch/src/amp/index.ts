/** `torch.amp`: scaled losses for training in float16. Automatic casts are at `torch.autocast`. */
export { GradScaler, type GradScalerOptions, type GradScalerState, type ScaledOptimizer } from './grad-scaler.js';
