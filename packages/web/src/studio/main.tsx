/** The studio: the runs of a folder, as they train. */
import 'virtual:report.css';
import './studio.css';
import { render } from 'preact';
import { App } from './app.js';

render(<App />, document.getElementById('page')!);
