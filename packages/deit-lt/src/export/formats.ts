/** Names of the formats that come with the project, for the help: it loads neither the engine nor the exporters. */
export const builtInFormats = ['safetensors', 'onnx', 'torch', 'huggingface'] as const;
