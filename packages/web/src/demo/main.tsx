/** The demo: a model in this browser, on images that never leave it. */
import 'virtual:page.css';
import './demo.css';
import { render } from 'preact';
import { App } from './app.js';

const page = document.getElementById('page')!;
page.replaceChildren();
render(<App />, page);
