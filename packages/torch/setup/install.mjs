// npm runs this after `npm install @deit-lt/torch`: builds when all is there, and never fails the installation.
import { ensureAddon } from './ensure-addon.mjs';

try {
  await ensureAddon({ install: false });
} catch (error) {
  console.log(
    `${error instanceof Error ? error.message : error}\n\nThe addon of @deit-lt/torch is not built yet. To build it: npx deit-torch-setup`,
  );
}
