/** The demo: a model in this browser, on images that never leave it. */
import 'virtual:page.css';
import './demo.css';
import { render } from 'preact';
import { showTextVisibly } from '../ui/visible-text.js';
import { App } from './app.js';

showTextVisibly();
const page = document.getElementById('page')!;
page.replaceChildren();
render(<App />, page);
