/** The studio: the runs of a folder, as they train. */
import 'virtual:report.css';
import './studio.css';
import { render } from 'preact';
import { showTextVisibly } from '../ui/visible-text.js';
import { App } from './app.js';

showTextVisibly();
render(<App />, document.getElementById('page')!);
