/** The demo: a model in this browser, on images that never leave it. */
import 'virtual:page.css';
import { render } from 'preact';
import { Page } from '../ui/page.js';

render(
  <Page title="DeiT-LT demo">
    <p>Nothing here yet.</p>
  </Page>,
  document.getElementById('page')!,
);
